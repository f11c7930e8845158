//! What targets took last, within a commit.

use super::sql;
use crate::model::{FlowId, ItemId, NewSeen};
use crate::sqlite::unit::{Unit, Work, row_id};

impl Unit<'_> {
    pub fn seen_sending(&mut self, flow: FlowId, target: &str, keys: &[Vec<u8>]) -> Work<()> {
        for key in keys {
            self.run(sql::SENDING, (row_id(flow.0), target, key))?;
        }
        Ok(())
    }

    pub fn seen_sent(&mut self, flow: FlowId, target: &str, sent: &[NewSeen]) -> Work<()> {
        self.last_tick(flow)?;
        for seen in sent {
            let row = (flow.0, target, &seen.key, seen.hash, row_id(seen.item.0));
            self.run(sql::SENT, row)?;
        }
        Ok(())
    }

    pub fn seen_accepted(&mut self, items: &[ItemId]) -> Work<()> {
        for item in items {
            self.run(sql::TAKEN, [row_id(item.0)])?;
        }
        Ok(())
    }

    pub fn seen_forget(&mut self, flow: FlowId, target: Option<&str>) -> Work<u64> {
        let flow = row_id(flow.0);
        let forgotten = match target {
            Some(target) => self.run(sql::FORGET_TARGET, (flow, target))?,
            None => self.run(sql::FORGET, [flow])?,
        };
        Ok(forgotten as u64)
    }
}
