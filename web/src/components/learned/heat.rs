//! A matrix of cosines as a table whose cells are darker the more alike two classes
//! are. With many classes the numbers wait until a cell is pointed at.

use clipwright_shared::learners::Method;
use yew::prelude::*;

use crate::components::text::looks;
use crate::components::{focus_in, method_key, method_title};

/// Classes up to which there is room for the numbers.
const NUMBERS_UP_TO: usize = 10;
/// Steps of colour above the first.
const STEPS: f32 = 8.0;

#[derive(Properties, PartialEq)]
pub struct Props {
    pub matrix: Vec<Vec<f32>>,
    pub classes: Vec<String>,
    pub method: Method,
    /// What tells it from others of its method.
    pub detail: AttrValue,
    /// The cosine that is lightest.
    pub lowest: f32,
}

#[component]
pub fn HeatTable(props: &Props) -> Html {
    let Props {
        matrix,
        classes,
        method,
        ..
    } = props;
    let pointed = use_state_eq(|| None::<[usize; 2]>);
    let stop = use_state_eq(|| [0_usize, 0]);
    let count = matrix.len();
    let has_numbers = count <= NUMBERS_UP_TO;
    let stop_at = stop.map(|at| at.min(count.saturating_sub(1)));
    let heads = (1..=count).map(|number| {
        let name = classes.get(number - 1).cloned().unwrap_or_default();
        html! { <th scope="col" abbr={name.clone()} title={name}>{ number }</th> }
    });
    let rows = matrix.iter().enumerate().map(|(row, values)| {
        let name = classes.get(row).cloned().unwrap_or_default();
        let cells = values.iter().enumerate().map(|(column, value)| {
            let at = [row, column];
            let other = classes.get(column).cloned().unwrap_or_default();
            let events = Events {
                pointed: pointed.setter(),
                stop: stop.setter(),
            };
            cell(at, *value, props.lowest, stop_at == at, (&name, &other), events)
        });
        html! {
            <tr>
                <th scope="row" title={name.clone()}><b>{ row + 1 }</b>{ " " }<span>{ &name }</span></th>
                { for cells }
            </tr>
        }
    });
    let caption = pointed.and_then(|[row, column]| {
        let value = matrix.get(row)?.get(column)?;
        let (a, b) = (classes.get(row)?, classes.get(column)?);
        Some(match row == column {
            true => format!("{a} with itself: {value:.2}"),
            false => format!("{a} and {b}: {value:.3}"),
        })
    });
    let mean = mean_of_others(matrix);
    html! {
        <figure
            class={looks("cosines", (!has_numbers).then_some("is-small"))} data-method={method_key(*method)}
            data-testid="similarity" data-learner={props.detail.clone()}
        >
            <figcaption class="insight-sub">
                <span class="dot" />{ method_title(*method) }
                <span class="cosines-detail">{ &props.detail }</span>
            </figcaption>
            <div class="cosines-frame">
                <table
                    class="cosines-table" onkeydown={on_key(stop_at, count)}
                    aria-label={format!("{}: cosines between the classes", method_title(*method))}
                >
                    <thead><tr><td />{ for heads }</tr></thead>
                    <tbody>{ for rows }</tbody>
                </table>
            </div>
            <p class="help cosines-caption">
                { caption.or_else(|| mean.map(|mean| format!("different classes on average: {mean:.3}"))) }
            </p>
        </figure>
    }
}

/// What a cell tells the table.
struct Events {
    pointed: UseStateSetter<Option<[usize; 2]>>,
    stop: UseStateSetter<[usize; 2]>,
}

fn cell(
    at: [usize; 2],
    value: f32,
    lowest: f32,
    is_stop: bool,
    names: (&str, &str),
    Events { pointed, stop }: Events,
) -> Html {
    let (enter, leave, blur) = (pointed.clone(), pointed.clone(), pointed.clone());
    let onmouseenter = Callback::from(move |_: MouseEvent| enter.set(Some(at)));
    let onmouseleave = Callback::from(move |_: MouseEvent| leave.set(None));
    let onblur = Callback::from(move |_: FocusEvent| blur.set(None));
    let onfocus = Callback::from(move |_: FocusEvent| {
        pointed.set(Some(at));
        stop.set(at);
    });
    html! {
        <td
            class={format!("cosine-{}", step(value, lowest))} tabindex={if is_stop { "0" } else { "-1" }}
            data-testid="similarity-cell" data-cell={format!("{}-{}", at[0], at[1])} data-value={value.to_string()}
            data-row={names.0.to_string()} data-column={names.1.to_string()}
            {onmouseenter} {onmouseleave} {onfocus} {onblur}
        >
            <span>{ format!("{value:.2}") }</span>
        </td>
    }
}

/// The step of colour, from 0 for the lowest to 8 for the same.
fn step(value: f32, lowest: f32) -> usize {
    let share = (value - lowest) / (1.0 - lowest).max(1e-6);
    (share.clamp(0.0, 1.0) * STEPS).round() as usize
}

/// The mean cosine between two different classes.
pub fn mean_of_others(matrix: &[Vec<f32>]) -> Option<f32> {
    let rows = matrix.iter().enumerate();
    let others = rows.flat_map(|(row, values)| {
        let values = values.iter().enumerate();
        values.filter_map(move |(column, value)| (row != column).then_some(*value))
    });
    let (count, sum) = others.fold((0, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f32)
}

/// Arrows lead from cell to cell, Home and End along a row.
fn on_key([row, column]: [usize; 2], count: usize) -> Callback<KeyboardEvent> {
    Callback::from(move |event: KeyboardEvent| {
        let last = count.saturating_sub(1);
        let [row, column] = match event.key().as_str() {
            "ArrowRight" => [row, (column + 1).min(last)],
            "ArrowLeft" => [row, column.saturating_sub(1)],
            "ArrowDown" => [(row + 1).min(last), column],
            "ArrowUp" => [row.saturating_sub(1), column],
            "Home" => [row, 0],
            "End" => [row, last],
            _ => return,
        };
        event.prevent_default();
        focus_in(&event, "table", &format!("[data-cell='{row}-{column}']"));
    })
}

#[cfg(test)]
mod tests {
    use super::{mean_of_others, step};

    #[test]
    fn colours_go_from_the_lowest_to_the_same() {
        assert_eq!(step(0.6, 0.6), 0);
        assert_eq!(step(1.0, 0.6), 8);
        assert_eq!(step(0.8, 0.6), 4);
        assert_eq!(step(-1.0, 0.6), 0);
        // All classes the same: no division by zero.
        assert_eq!(step(1.0, 1.0), 0);
    }

    #[test]
    fn the_mean_leaves_the_diagonal_out() {
        let matrix = [vec![1.0, 0.2], vec![0.4, 1.0]];
        assert!((mean_of_others(&matrix).unwrap() - 0.3).abs() < 1e-6);
        assert_eq!(mean_of_others(&[vec![1.0]]), None);
        assert_eq!(mean_of_others(&[]), None);
    }
}
