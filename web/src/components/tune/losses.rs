//! What each loss does, in a line.

use clipwright_shared::tuning::Loss;

/// What a step with this loss makes of the image.
pub fn meaning(loss: Loss) -> &'static str {
    match loss {
        Loss::DefaultTpt => {
            "Makes the mean prediction of the trusted views surer: the loss of the paper."
        }
        Loss::CrossEntropySoft => {
            "Pulls the image to the mean answer of the trusted views, its doubts included."
        }
        Loss::CrossEntropyHard1 => {
            "Pulls the image to the one class that the trusted views favour."
        }
        Loss::CrossEntropyHard5 => {
            "Pulls the image to the five classes that the trusted views favour."
        }
        Loss::PatchLoss1 => {
            "Pulls the image to how often its patches name each class; sure ones count more."
        }
        Loss::PatchLoss2 => {
            "Pulls the image to the class that its patches name most; sure ones count more."
        }
        Loss::PatchLoss3 => "Makes every patch surer, those most that are sure already.",
        Loss::PatchLoss4 => "Makes the surest patch surer still; the others do not count.",
        Loss::PatchLoss5 => {
            "Makes the patches' joint answer surer; a patch weighs the inverse of its entropy."
        }
        Loss::PatchLoss6 => {
            "The same, but weights fall with the exponential of the entropy: more even."
        }
    }
}
