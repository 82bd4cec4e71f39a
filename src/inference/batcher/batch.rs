//! The buffer that fills with the examples of several requests, and that a model runs.

use std::sync::Arc;
use std::time::Instant;

use tch::{Device, Kind, Tensor};

use super::Rows;
use super::ticket::Ticket;
use crate::spec::Shape;
use crate::torch::ops::as_slice_mut;

/// A buffer of examples and whose they are.
pub(super) struct Batch {
    /// `[max_batch_size, …]` for each input.
    pub(super) buffers: Vec<Tensor>,
    /// The first example of each, which is a lone request's.
    pub(super) first: Vec<Tensor>,
    pub(super) widths: Vec<usize>,
    pub(super) parts: Vec<Part>,
    pub(super) rows: usize,
}

/// The examples of one request that are in a batch.
pub(super) struct Part {
    pub(super) ticket: Arc<Ticket>,
    /// The first of them in the request.
    pub(super) first: usize,
    pub(super) count: usize,
}

impl Batch {
    pub(super) fn new(shapes: &[Shape], most: usize) -> Self {
        let buffer = |shape: &Shape| {
            let shape: Vec<i64> =
                std::iter::once(most as i64).chain(shape.iter().map(|extent| *extent as i64)).collect();
            Tensor::empty(shape, (Kind::Float, Device::Cpu))
        };
        let buffers: Vec<Tensor> = shapes.iter().map(buffer).collect();
        Self {
            first: buffers.iter().map(|buffer| buffer.narrow(0, 0, 1)).collect(),
            buffers,
            widths: shapes.iter().map(elements).collect(),
            parts: Vec::new(),
            rows: 0,
        }
    }

    /// The first so many examples.
    pub(super) fn examples(&self, rows: usize) -> Vec<Tensor> {
        self.buffers.iter().map(|buffer| buffer.narrow(0, 0, rows as i64)).collect()
    }

    pub(super) fn room(&self) -> usize {
        let most = self.buffers.first().map_or(0, |buffer| buffer.size()[0] as usize);
        most - self.rows
    }

    pub(super) fn oldest(&self) -> Option<Instant> {
        self.parts.iter().map(|part| part.ticket.since).min()
    }

    /// Copies `count` examples of a request, from its `first` on, behind those that are here.
    pub(super) fn fill(&mut self, rows: &Rows, first: usize, count: usize) {
        let at = self.rows;
        for ((buffer, values), width) in self.buffers.iter_mut().zip(&rows.values).zip(&self.widths) {
            as_slice_mut::<f32>(buffer)[at * width..(at + count) * width]
                .copy_from_slice(&values[first * width..(first + count) * width]);
        }
        self.rows += count;
    }

    /// Takes the parts out that nobody waits for, and closes the gaps.
    pub(super) fn compact(&mut self) -> Vec<Part> {
        let mut gone = Vec::new();
        let (mut read, mut write) = (0, 0);
        for part in std::mem::take(&mut self.parts) {
            let count = part.count;
            if part.ticket.is_gone() {
                gone.push(part);
            } else {
                for (buffer, width) in self.buffers.iter_mut().zip(&self.widths) {
                    as_slice_mut::<f32>(buffer)
                        .copy_within(read * width..(read + count) * width, write * width);
                }
                write += count;
                self.parts.push(part);
            }
            read += count;
        }
        self.rows = write;
        gone
    }
}

/// Hands each request of a batch its share of the outputs.
pub(super) fn answer(parts: &[Part], outputs: &[Vec<f32>]) {
    let rows: usize = parts.iter().map(|part| part.count).sum();
    let mut at = 0;
    for part in parts {
        part.ticket.answer(outputs, at, part.first, part.count, rows);
        at += part.count;
    }
}

pub(super) fn elements(shape: &Shape) -> usize {
    shape.iter().product::<u64>() as usize
}
