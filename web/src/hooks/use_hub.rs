//! Fulfils the wishes of [`crate::state::HubState`]: looks up, fetches, lists, opens,
//! removes.

use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;
use yew::prelude::*;

use super::Sources;
use super::hub::{Net, Store, download, inventory, look_up, page_hub, remove, stored_file};
use crate::hub::{Record, Repository};
use crate::state::{Action, HubAction, Problem, State};

/// Stops what it belongs to when it is dropped.
struct Guard(Option<AbortController>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(controller) = &self.0 {
            controller.abort();
        }
    }
}

/// The Hub for one repository, until the guard is dropped.
fn connect(repository: &Repository) -> (Guard, Result<Net, Problem>) {
    let controller = AbortController::new().ok();
    let net = page_hub().and_then(|hub| {
        let signal = controller.as_ref().map(AbortController::signal);
        let too_old = || Problem::new("this browser cannot stop a download", "try a current one");
        Ok(Net {
            hub,
            repository: repository.name.clone(),
            signal: signal.ok_or_else(too_old)?,
        })
    });
    (Guard(controller), net)
}

/// Keeps models of the Hub coming, and those of this device at hand.
#[hook]
pub fn use_hub(state: &UseReducerHandle<State>, sources: &Sources) {
    let store = (*use_memo((), |()| Store::default())).clone();
    let dispatch = state.dispatcher();
    let tell = {
        let dispatch = dispatch.clone();
        move |action: HubAction| dispatch.dispatch(Action::Hub(action))
    };

    {
        let tell = tell.clone();
        use_effect_with(state.hub.asking(), move |asking| {
            let guard = asking.clone().map(|(turn, repository)| {
                let (guard, net) = connect(&repository);
                spawn_local(async move {
                    let found = match net {
                        Ok(net) => look_up(&net, repository).await,
                        Err(problem) => Err(problem),
                    };
                    tell(HubAction::LookedUp {
                        turn,
                        found: found.map(Box::new),
                    });
                });
                guard
            });
            move || drop(guard)
        });
    }

    {
        let (tell, store, sources, dispatch) = (
            tell.clone(),
            store.clone(),
            sources.clone(),
            dispatch.clone(),
        );
        use_effect_with(state.hub.fetching(), move |fetching| {
            let guard = fetching.clone().map(|(turn, record)| {
                let (guard, net) = connect(&record.repository);
                spawn_local(async move {
                    let last = std::cell::Cell::new(false);
                    let hear = |action: HubAction| {
                        last.set(matches!(action, HubAction::Arrived { .. }));
                        tell(action);
                    };
                    match net {
                        Ok(net) => download(&net, &store, &record, turn, hear).await,
                        Err(problem) => tell(HubAction::Stopped { turn, problem }),
                    }
                    if last.get() {
                        let opened = open(&store, &sources, &record, &dispatch).await;
                        if let Some(problem) = opened {
                            dispatch.dispatch(Action::FileRefused(problem));
                        }
                    }
                });
                guard
            });
            move || drop(guard)
        });
    }

    {
        let (tell, store, sources) = (tell.clone(), store.clone(), sources.clone());
        let wish = state.hub.opening.as_ref();
        let wish = wish.and_then(|key| state.hub.model(key));
        let wish = wish.map(|model| model.record.clone());
        use_effect_with(wish, move |wish| {
            if let Some(record) = wish.clone() {
                spawn_local(async move {
                    let problem = open(&store, &sources, &record, &dispatch).await;
                    let key = record.key();
                    tell(HubAction::Opened { key, problem });
                });
            }
        });
    }

    {
        let (tell, store) = (tell.clone(), store.clone());
        let first = state.hub.removing.first().cloned();
        use_effect_with(first, move |first| {
            if let Some(key) = first.clone() {
                spawn_local(async move { tell(remove(&store, key).await) });
            }
        });
    }

    use_effect_with(state.hub.inventory, move |&inventory_turn| {
        if inventory_turn > 0 {
            spawn_local(async move { tell(inventory(&store).await) });
        }
    });
}

/// Hands a whole model over to be opened; why not, if that fails.
async fn open(
    store: &Store,
    sources: &Sources,
    record: &Record,
    dispatch: &UseReducerDispatcher<State>,
) -> Option<Problem> {
    match stored_file(store, sources, record).await {
        Ok(file) => {
            dispatch.dispatch(Action::ModelArrived(file));
            None
        }
        Err(problem) => Some(problem),
    }
}
