//! Which class was taken for which, as a heat map.

use anyhow::Result;
use clipwright_shared::eval::ConfusionMatrix;
use plotters::prelude::*;

use super::canvas::{Anchor, Canvas, LABEL, SMALL, letters};
use super::style::{BLUE, EMPTY_CELL, RED, blend};
use super::{Chart, MOST_NAMED_CLASSES};

/// Up to this many classes, cells hold their number of images.
const MOST_COUNTED: usize = 20;
/// With more classes than this, neighbours share a cell: more cells than this are
/// neither seen nor worth a file of megabytes.
const MOST_CELLS: usize = 200;
const WIDEST_NAME: f64 = 170.0;
const TOP: f64 = 56.0;
/// Right of the map: the colours' meaning.
const LEGEND: f64 = 160.0;

/// A confusion matrix: rows are true classes, columns predicted ones. A cell's colour
/// is its share of the row's images, blue where the class was recognised.
#[derive(Debug, Clone, Copy)]
pub struct ConfusionChart<'a> {
    pub matrix: &'a ConfusionMatrix,
}

/// Classes put together into cells, and where these lie.
struct Layout {
    /// Classes along a cell's side.
    block: usize,
    cells: usize,
    /// A cell's side in pixels.
    side: f64,
    left: f64,
    /// Height of the names under the map.
    names: f64,
}

impl ConfusionChart<'_> {
    fn layout(&self) -> Layout {
        let classes = self.matrix.class_names.len();
        let block = classes.div_ceil(MOST_CELLS).max(1);
        let cells = classes.div_ceil(block);
        let side = match classes {
            0..=12 => 40.0,
            13..=MOST_COUNTED => 30.0,
            21..=MOST_NAMED_CLASSES => 15.0,
            _ => (600.0 / cells as f64 * 2.0).floor() / 2.0,
        };
        let longest = self
            .matrix
            .class_names
            .iter()
            .map(|name| name.chars().count());
        // About as wide as letters are, before anything can be measured.
        let names = match classes <= MOST_NAMED_CLASSES {
            true => (longest.max().unwrap_or_default() as f64 * 7.2 + 12.0).min(WIDEST_NAME),
            false => 30.0,
        };
        let left = 36.0 + names;
        Layout {
            block,
            cells,
            side,
            left,
            names,
        }
    }

    /// Images of each cell, by row and column.
    fn blocks(&self, layout: &Layout) -> Vec<Vec<usize>> {
        let mut blocks = vec![vec![0; layout.cells]; layout.cells];
        for (label, row) in self.matrix.counts.iter().enumerate() {
            for (guess, count) in row.iter().enumerate() {
                blocks[label / layout.block][guess / layout.block] += count;
            }
        }
        blocks
    }

    fn draw_cells<B: DrawingBackend<ErrorType: 'static>>(
        &self,
        canvas: &Canvas<B>,
        layout: &Layout,
    ) -> Result<()> {
        let extent = layout.side * layout.cells as f64;
        canvas.rectangle((layout.left, TOP), (extent, extent), EMPTY_CELL)?;
        // A seam between cells, while they are large enough to spare it.
        let seam = if layout.side >= 12.0 { 1.0 } else { 0.0 };
        let counted = self.matrix.class_names.len() <= MOST_COUNTED;
        for (row, counts) in self.blocks(layout).iter().enumerate() {
            let images = counts.iter().sum::<usize>().max(1) as f64;
            for (column, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                let share = count as f64 / images;
                let left = layout.left + column as f64 * layout.side;
                let top = TOP + row as f64 * layout.side;
                let size = (layout.side - seam, layout.side - seam);
                canvas.rectangle((left, top), size, heat(share, row == column))?;
                if counted {
                    let colour = if share > 0.25 { WHITE } else { BLACK };
                    let size = if count < 1000 { SMALL } else { SMALL - 2.0 };
                    let centre = (left + layout.side / 2.0, top + layout.side / 2.0);
                    let style = letters(size, Anchor::Middle).colour(colour);
                    canvas.text(&count.to_string(), centre, style)?;
                }
            }
        }
        Ok(())
    }

    fn draw_names<B: DrawingBackend<ErrorType: 'static>>(
        &self,
        canvas: &Canvas<B>,
        layout: &Layout,
    ) -> Result<()> {
        let ground = TOP + layout.side * layout.cells as f64;
        let size = if layout.side >= 20.0 { LABEL } else { SMALL };
        let classes = self.matrix.class_names.len();
        // Every class by name, or some by their number.
        let names: Vec<(usize, String)> = match classes <= MOST_NAMED_CLASSES {
            true => self
                .matrix
                .class_names
                .iter()
                .cloned()
                .enumerate()
                .collect(),
            false => {
                let every = [20, 50, 100, 200, 500, 1000];
                let every = every.into_iter().find(|every| classes / every <= 6);
                let numbered = (0..classes).step_by(every.unwrap_or(classes));
                numbered.map(|class| (class, class.to_string())).collect()
            }
        };
        for (class, name) in names {
            let middle = ((class / layout.block) as f64 + 0.5) * layout.side;
            let name = canvas.shortened(&name, size, layout.names - 8.0)?;
            let row = (layout.left - 6.0, TOP + middle);
            canvas.text(&name, row, letters(size, Anchor::End))?;
            let column = (layout.left + middle, ground + 6.0);
            canvas.text(&name, column, letters(size, Anchor::End).upwards())?;
        }
        let middle = layout.side * layout.cells as f64 / 2.0;
        let style = letters(LABEL, Anchor::Middle).muted();
        canvas.text("true class", (18.0, TOP + middle), style.upwards())?;
        let under = (layout.left + middle, ground + layout.names + 16.0);
        canvas.text("predicted class", under, style)
    }

    fn draw_legend<B: DrawingBackend<ErrorType: 'static>>(
        &self,
        canvas: &Canvas<B>,
        layout: &Layout,
    ) -> Result<()> {
        const STEPS: usize = 24;
        let left = layout.left + layout.side * layout.cells as f64 + 22.0;
        let style = letters(SMALL, Anchor::Start).muted();
        canvas.text("of the true class", (left, TOP + 6.0), style)?;
        for (at, (name, is_recognised)) in [("recognised", true), ("confused", false)]
            .into_iter()
            .enumerate()
        {
            let bar = left + 64.0 * at as f64;
            for step in 0..STEPS {
                let share = 1.0 - (step as f64 + 0.5) / STEPS as f64;
                let top = TOP + 20.0 + 4.0 * step as f64;
                canvas.rectangle((bar, top), (14.0, 4.0), heat(share, is_recognised))?;
            }
            let bottom = TOP + 20.0 + 4.0 * STEPS as f64;
            canvas.text("100 %", (bar + 17.0, TOP + 24.0), style)?;
            canvas.text("0 %", (bar + 17.0, bottom - 4.0), style)?;
            let under = (left, bottom + 12.0 + 16.0 * at as f64);
            let text = match is_recognised {
                true => format!("blue: {name}"),
                false => format!("red: {name}"),
            };
            canvas.text(&text, under, style)?;
        }
        Ok(())
    }
}

impl Chart for ConfusionChart<'_> {
    fn title(&self) -> String {
        match self.layout().block {
            1 => "Confusion matrix".into(),
            block => format!("Confusion matrix, {block} × {block} classes in each cell"),
        }
    }

    fn size(&self) -> (u32, u32) {
        let layout = self.layout();
        let extent = layout.side * layout.cells as f64;
        // The legend and the title need their room beside the smallest map too.
        let width = (layout.left + extent + LEGEND).max(360.0);
        let height = (TOP + extent + layout.names + 34.0).max(260.0);
        (width.ceil() as u32, height.ceil() as u32)
    }

    fn draw<B: DrawingBackend<ErrorType: 'static>>(&self, canvas: &Canvas<B>) -> Result<()> {
        let layout = self.layout();
        canvas.title(&self.title(), f64::from(self.size().0) - 48.0)?;
        self.draw_cells(canvas, &layout)?;
        self.draw_names(canvas, &layout)?;
        self.draw_legend(canvas, &layout)
    }
}

/// A cell's colour. Small shares are lifted, so that a few images are seen.
fn heat(share: f64, is_recognised: bool) -> RGBColor {
    let hue = if is_recognised { BLUE } else { RED };
    let pale = blend(EMPTY_CELL, hue, 0.18);
    blend(pale, hue, share.sqrt())
}
