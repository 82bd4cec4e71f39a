//! Digits drawn in a terminal: half a character is a pixel, which makes pixels nearly square.

use super::Answer;
use super::images::{Images, SIDE};

/// The digits of MNIST stand in the middle, with a margin around them.
const MARGIN: usize = 3;
const WIDTH: usize = SIDE - 2 * MARGIN;
const ACROSS: usize = 3;
const GAP: &str = "   ";
/// Ink from here on.
const INK: u8 = 96;

/// Some that were read right, then some that were not.
pub(super) fn gallery(test: &Images, answers: &[Answer], wrong: &[usize]) -> String {
    let mut right: Vec<usize> = Vec::new();
    for index in (0..test.count()).filter(|index| wrong.binary_search(index).is_err()) {
        if right.len() == ACROSS {
            break;
        }
        if right.iter().all(|&other| test.label(other) != test.label(index)) {
            right.push(index);
        }
    }
    let shown = &wrong[..wrong.len().min(ACROSS)];
    let mut gallery = format!("some that it reads right:\n{}", strip(test, answers, &right));
    if !shown.is_empty() {
        let those = format!("\nsome of the {} that it reads wrong:\n", wrong.len());
        gallery += &(those + &strip(test, answers, shown));
    }
    gallery
}

/// Digits side by side, and under each what the model says.
fn strip(test: &Images, answers: &[Answer], digits: &[usize]) -> String {
    let drawn: Vec<Vec<String>> = digits.iter().map(|&index| draw(&test.rows(index))).collect();
    let mut lines: Vec<String> = (0..WIDTH / 2)
        .map(|line| drawn.iter().map(|digit| &digit[line][..]).collect::<Vec<_>>().join(GAP))
        .collect();
    let captions: Vec<String> = digits
        .iter()
        .map(|&index| {
            let Answer { digit, probability } = answers[index];
            let truth = test.label(index);
            let verdict = if digit == truth { String::new() } else { format!(", in truth {truth}") };
            format!("{:WIDTH$}", format!("{digit} ({probability:.3}){verdict}"))
        })
        .collect();
    lines.push(captions.join(GAP));
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n") + "\n"
}

/// Two rows of pixels a line.
fn draw(rows: &[&[u8]]) -> Vec<String> {
    let inside = &rows[MARGIN..SIDE - MARGIN];
    let cell = |upper: u8, lower: u8| match (upper >= INK, lower >= INK) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    };
    inside
        .chunks_exact(2)
        .map(|pair| (MARGIN..SIDE - MARGIN).map(|column| cell(pair[0][column], pair[1][column])).collect())
        .collect()
}

#[test]
fn a_digit_is_drawn_two_rows_a_line() {
    let mut pixels = [[0_u8; SIDE]; SIDE];
    pixels[MARGIN][MARGIN] = 255;
    pixels[MARGIN + 1][MARGIN + 1] = 255;
    pixels[MARGIN + 2][MARGIN..MARGIN + 2].fill(255);
    pixels[MARGIN + 3][MARGIN..MARGIN + 2].fill(255);
    let rows: Vec<&[u8]> = pixels.iter().map(|row| &row[..]).collect();
    let drawn = draw(&rows);
    assert_eq!((drawn.len(), drawn[0].chars().count()), (WIDTH / 2, WIDTH));
    assert_eq!((drawn[0].trim_end(), drawn[1].trim_end(), drawn[2].trim()), ("▀▄", "██", ""));
}
