//! Taking a delivery.

use super::codes::{Coded, Kind, Stage, key_of};
use super::sql;
use super::unit::{Payload, Unit, Work};
use crate::model::{Accepted, DeliveryId, Idempotency, Lane, LaneId, NewDelivery, Origin};
use crate::validate;

impl Unit<'_> {
    /// Takes a delivery; `at` is `now` on the store's clock.
    pub fn accept(&mut self, delivery: &NewDelivery, now: u64, at: u64) -> Work<Accepted> {
        let lane = self.intern(&delivery.lane)?;
        if let Some(idempotency) = &delivery.idempotency
            && let Some(before) = self.given_before(lane, idempotency, now)?
        {
            return Ok(before);
        }
        let base = self.ledger.next_item;
        let items = delivery.items.len() as u64;
        let id = self.ledger.next_uid(at);
        let idempotency = delivery.idempotency.as_ref();
        self.run(
            sql::NEW_DELIVERY,
            (
                base,
                id.to_bytes(),
                lane.0,
                items,
                now,
                delivery.origin.code(),
                idempotency.map(|i| i.key),
                idempotency.map(|i| i.body),
                idempotency.map(|i| i.until),
            ),
        )?;
        self.ledger.next_item += items;
        for (item, id) in delivery.items.iter().zip(base..) {
            let kind = Kind::of(&item.order);
            let key = key_of(&item.order);
            let (stage, due) = match delivery.origin {
                Origin::Call => (Stage::Calling, at),
                Origin::Queued => {
                    let place = self.place_new(lane, id, kind, key, at, now)?;
                    (place.stage, place.due)
                }
            };
            let input = self.keep(Payload::Input, id, &item.input)?;
            let label = validate::label(&item.label);
            self.run(
                sql::NEW_ITEM,
                (
                    id,
                    base,
                    lane.0,
                    stage,
                    stage.holds(),
                    kind,
                    due,
                    key,
                    label,
                    input,
                ),
            )?;
            self.ledger.lane(lane).moved(id, kind, None, Some(stage));
        }
        let items = base..base + items;
        Ok(Accepted::New { id, items })
    }

    /// The number of a lane, which is new perhaps.
    fn intern(&mut self, lane: &Lane) -> Work<LaneId> {
        if let Some(id) = self.ledger.names.get(lane) {
            return Ok(*id);
        }
        let id = LaneId(self.ledger.names.len() as u64 + 1);
        let names = (id.0, &lane.tenant, &lane.connection, &lane.operation);
        self.run(sql::NEW_LANE, names)?;
        self.ledger.names.insert(lane.clone(), id);
        self.ledger.new_lanes.push(lane.clone());
        Ok(id)
    }

    /// What became of the same key before. One that is too old is forgotten.
    fn given_before(
        &mut self,
        lane: LaneId,
        idempotency: &Idempotency,
        now: u64,
    ) -> Work<Option<Accepted>> {
        let found = self.first(sql::BY_IDEMPOTENCY, (lane.0, idempotency.key), |row| {
            let (delivery, uid) = (row.get::<_, u64>(0)?, row.get(1)?);
            let (body, until) = (row.get::<_, [u8; 32]>(2)?, row.get::<_, u64>(3)?);
            Ok((delivery, DeliveryId::from_bytes(uid), body, until))
        })?;
        let Some((delivery, id, body, until)) = found else {
            return Ok(None);
        };
        if until <= now {
            self.run(sql::FORGET_IDEMPOTENCY, [delivery])?;
            return Ok(None);
        }
        Ok(Some(if body == idempotency.body {
            Accepted::Known(id)
        } else {
            Accepted::Conflict(id)
        }))
    }
}
