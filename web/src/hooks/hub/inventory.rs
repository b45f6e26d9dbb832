//! What is on this device.

use super::store::Store;
use crate::hub::{OnDevice, Record, folder_of, is_record};
use crate::state::{HubAction, Problem};

/// Lists the models on this device, whole or not.
pub async fn inventory(store: &Store) -> HubAction {
    let paths = store.paths().await;
    let mut models = Vec::new();
    for path in paths.iter().filter(|path| is_record(path)) {
        let text = store.text(path).await;
        if let Some(record) = text.and_then(|text| Record::read(&text)) {
            models.push(OnDevice::new(record, &paths));
        }
    }
    models.sort_by_key(|model| model.record.key());
    models.dedup_by_key(|model| model.record.key());
    HubAction::Listed {
        models,
        free_bytes: store.free_bytes().await,
    }
}

/// Removes a model with all of its chunks.
pub async fn remove(store: &Store, key: String) -> HubAction {
    let removed = store.remove(&folder_of(&key)).await;
    let problem = (!removed).then(|| {
        Problem::new(
            "the model could not be removed whole",
            "try again, or clear this page's data in the browser's settings",
        )
    });
    HubAction::Removed { key, problem }
}
