//! Blocks: octets of a descriptor, whose channels come in turn, to and from the chunks of a period.

use tdm::CHUNK;

use super::DahdiIo;
use crate::sys::Stop;

impl DahdiIo {
    /// Reads one block of a descriptor into block `at` of the period.
    fn read_block(&mut self, position: usize, group: usize, at: usize) -> Result<(), Stop> {
        let Some(open) = &self.places[position].open else { return Err(Stop::Gone) };
        let group = &open.groups[group];
        let columns = group.columns.len();
        let octets = &mut self.scratch[..self.block * CHUNK * columns];
        let got = group.device.read(octets)?;
        let first = usize::from(self.slots[position].first_channel);
        for (column, place) in group.columns.places(group.first).enumerate() {
            for chunk in 0..self.block {
                let row = (at * self.block + chunk) * self.channels;
                let to = &mut self.rx[row + first + place];
                for (k, octet) in to.iter_mut().enumerate() {
                    let from = (chunk * CHUNK + k) * columns + column;
                    if from < got {
                        *octet = octets[from];
                    }
                }
            }
        }
        Ok(())
    }

    /// As [`DahdiIo::read_block`], taking events that are in the way.
    pub(super) fn read_past_events(&mut self, position: usize, group: usize, at: usize) -> Result<(), Stop> {
        match self.read_block(position, group, at) {
            Err(Stop::Event) => {
                self.take_events(position, group);
                self.read_block(position, group, at)
            }
            other => other,
        }
    }

    fn write_block(&mut self, position: usize, group: usize, at: usize) -> Result<(), Stop> {
        let Some(open) = &self.places[position].open else { return Err(Stop::Gone) };
        let group = &open.groups[group];
        let columns = group.columns.len();
        let octets = &mut self.scratch[..self.block * CHUNK * columns];
        let first = usize::from(self.slots[position].first_channel);
        for (column, place) in group.columns.places(group.first).enumerate() {
            for chunk in 0..self.block {
                let row = (at * self.block + chunk) * self.channels;
                let from = &self.tx[row + first + place];
                for (k, octet) in from.iter().enumerate() {
                    octets[(chunk * CHUNK + k) * columns + column] = *octet;
                }
            }
        }
        group.device.write(octets).map(drop)
    }

    pub(super) fn write_past_events(&mut self, position: usize, group: usize, at: usize) -> Result<(), Stop> {
        match self.write_block(position, group, at) {
            Err(Stop::Event) => {
                self.take_events(position, group);
                self.write_block(position, group, at)
            }
            other => other,
        }
    }

    /// Returns how many descriptors carry a span.
    pub(super) fn groups(&self, position: usize) -> usize {
        self.places[position].open.as_ref().map_or(0, |open| open.groups.len())
    }
}
