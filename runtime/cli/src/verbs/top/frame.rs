//! Draws a moment.

use ratatui::{
    Frame, Terminal,
    backend::TestBackend,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Paragraph, Row, Sparkline, Table, Wrap},
};

use super::{
    history::History,
    view::{Connector, View},
};
use crate::verbs::table::{bytes, rate};

const HEADS: [&str; 11] = [
    "connector",
    "state",
    "in/s",
    "done/s",
    "lag",
    "in flight",
    "guest",
    "memory",
    "failed",
    "dead",
    "component",
];
/// Least widths of the columns. A narrow screen loses those on the right, never the names.
const WIDTHS: [u16; 11] = [20, 8, 6, 6, 6, 9, 5, 17, 6, 5, 22];
/// Lines of the history, with its border.
const HISTORY_LINES: u16 = 6;

/// Draws everything: a title, a line for each connector, the history of the chosen one, what is wrong, the keys.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View, history: &History) {
    let connectors = u16::try_from(view.connectors.len()).unwrap_or(u16::MAX);
    let [title, table, chosen, troubles, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(connectors.saturating_add(1)),
        Constraint::Length(HISTORY_LINES),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(title_line(view), title);
    frame.render_widget(connectors_table(view, table.width), table);
    draw_history(frame, view, history, chosen);
    frame.render_widget(Paragraph::new(trouble_lines(view)).wrap(Wrap { trim: true }), troubles);
    let help = Line::from(" ↑ ↓ choose · q quit ").style(Style::new().add_modifier(Modifier::DIM));
    frame.render_widget(help, keys);
}

/// The same as text, without colours, for whoever has no screen.
pub(super) fn text(view: &View, history: &History, (width, height): (u16, u16)) -> String {
    // Each connector has its line, and each reason room.
    let more = u16::try_from(view.connectors.len().saturating_mul(3)).unwrap_or(u16::MAX);
    // Drawing into memory cannot fail.
    let Ok(mut terminal) = Terminal::new(TestBackend::new(width, height.saturating_add(more)));
    let Ok(_) = terminal.draw(|frame| draw(frame, view, history));
    let buffer = terminal.backend().buffer();
    let cells: Vec<_> = buffer.content().iter().map(|cell| cell.symbol()).collect();
    let lines = cells
        .chunks(usize::from(width))
        .map(|line| line.concat().trim_end().to_owned());
    // The keys are for a screen.
    let mut lines: Vec<_> = lines.filter(|line| !line.contains("q quit")).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.join("\n") + "\n"
}

fn title_line(view: &View) -> Line<'_> {
    let total = |direction: &str, of: fn(&Connector) -> f64| -> f64 {
        let those = view
            .connectors
            .iter()
            .filter(|connector| connector.direction == direction);
        those.map(of).sum()
    };
    let received = rate(Some(total("source", |connector| connector.received_per_sec)));
    let written = rate(Some(total("sink", |connector| connector.processed_per_sec)));
    let dead: u64 = view.connectors.iter().map(|connector| connector.dead_letters).sum();
    let mut spans = vec![
        Span::styled(
            format!("pipeline {}", view.pipeline),
            Style::new().add_modifier(Modifier::BOLD),
        ),
        Span::raw(format!("  {received}/s in · {written}/s written · {dead} dead letters")),
    ];
    if let Some(why) = &view.silent {
        spans.push(Span::styled(format!("  {why}"), Style::new().fg(Color::Red)));
    }
    Line::from(spans)
}

fn connectors_table(view: &View, width: u16) -> Table<'_> {
    let columns = columns_within(width);
    let rows = view.connectors.iter().enumerate().map(|(at, connector)| {
        let row = Row::new(cells(connector).into_iter().take(columns)).style(Style::new().fg(colour(&connector.state)));
        match at == view.selected {
            true => row.style(
                Style::new()
                    .fg(colour(&connector.state))
                    .add_modifier(Modifier::REVERSED),
            ),
            false => row,
        }
    });
    // Names take what is left over.
    let widths = WIDTHS
        .into_iter()
        .take(columns)
        .enumerate()
        .map(|(at, width)| match at {
            0 => Constraint::Min(width),
            _ => Constraint::Length(width),
        });
    Table::new(rows, widths)
        .header(Row::new(HEADS.into_iter().take(columns)).style(Style::new().add_modifier(Modifier::BOLD)))
        .column_spacing(1)
}

/// How many of the columns fit, with a space between them; at least one.
fn columns_within(width: u16) -> usize {
    let ends = WIDTHS.iter().scan(0_u16, |end, width| {
        *end = end.saturating_add(*width).saturating_add(1);
        Some(end.saturating_sub(1))
    });
    ends.take_while(|end| *end <= width).count().max(1)
}

fn cells(connector: &Connector) -> [String; 11] {
    let memory = match (connector.memory_bytes, connector.memory_bytes_max) {
        (Some(used), Some(max)) => format!("{}/{}", bytes(Some(used)), bytes(Some(max))),
        (used, _) => bytes(used),
    };
    [
        last_part(&connector.id),
        connector.state.clone(),
        rate(Some(connector.received_per_sec)),
        rate(Some(connector.processed_per_sec)),
        connector.lag.map_or_else(|| "-".to_owned(), |lag| lag.to_string()),
        connector.in_flight.to_string(),
        format!("{:.0}%", connector.guest * 100.0),
        memory,
        connector.failed.to_string(),
        connector.dead_letters.to_string(),
        last_part(&connector.component),
    ]
}

/// A connector without its pipeline, which is in the title; a component's file without its folders.
fn last_part(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

fn colour(state: &str) -> Color {
    match state {
        "running" => Color::Reset,
        "failed" | "down" => Color::Red,
        _ => Color::Yellow,
    }
}

fn draw_history(frame: &mut Frame<'_>, view: &View, history: &History, area: Rect) {
    let Some(connector) = view.connectors.get(view.selected) else {
        return;
    };
    let moments = history.of(&connector.id, usize::from(area.width.saturating_sub(2)));
    let most = moments.iter().max().copied().unwrap_or_default();
    let title = format!(
        " {}: done/s, at most {most} · {} retried · {} restarts ",
        connector.id, connector.retried, connector.restarts
    );
    let drawn = Sparkline::default()
        .block(Block::bordered().title(title))
        .data(moments)
        .max(most.max(1));
    frame.render_widget(drawn, area);
}

/// Why connectors do not run as they should.
fn trouble_lines(view: &View) -> Vec<Line<'_>> {
    let line = |connector: &Connector| {
        let reason = connector.reason.as_ref()?;
        let text = format!("{} is {}: {reason}", connector.id, connector.state);
        Some(Line::from(text).style(Style::new().fg(colour(&connector.state))))
    };
    view.connectors.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests;
