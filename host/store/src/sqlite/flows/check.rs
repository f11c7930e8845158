//! What must not be found in the rows of flows, each with how to say it.

/// Queries that find the numbers of what is wrong.
pub(in crate::sqlite) const NEVER: &[(&str, &str)] = &[
    (
        "a flow's counters of what it holds are not as its rows",
        "SELECT f.id FROM flow f WHERE \
         f.parked <> (SELECT count(*) FROM flow_parked p WHERE p.flow = f.id) OR \
         f.parked_bytes <> (SELECT coalesce(sum(length(record) + length(problem)), 0) \
         FROM flow_parked p WHERE p.flow = f.id) OR \
         f.received <> (SELECT count(*) FROM flow_received r WHERE r.flow = f.id) OR \
         f.received_bytes <> (SELECT coalesce(sum(length(body)), 0) \
         FROM flow_received r WHERE r.flow = f.id)",
    ),
    (
        "a run belongs to no flow",
        "SELECT r.id FROM flow_run r LEFT JOIN flow f ON f.id = r.flow WHERE f.id IS NULL",
    ),
    (
        "a run's tick is above its flow's last",
        "SELECT r.id FROM flow_run r JOIN flow f ON f.id = r.flow \
         WHERE r.tick IS NOT NULL AND (f.last_tick IS NULL OR r.tick > f.last_tick)",
    ),
    (
        "a run's counter of open pages is not as its rows",
        "SELECT r.id FROM flow_run r WHERE r.open_pages <> \
         (SELECT count(*) FROM flow_page p WHERE p.run = r.id AND p.state < 3)",
    ),
    (
        "a run is open with nothing to do, or closed with something",
        "SELECT id FROM flow_run WHERE open <> (state < 2 OR open_pages > 0)",
    ),
    (
        "a run has ended without a time, or has one without an end",
        "SELECT id FROM flow_run WHERE (ended IS NULL) <> (state < 2)",
    ),
    (
        "a run that ended has pages that are not sent",
        "SELECT r.id FROM flow_run r JOIN flow_page p ON p.run = r.id \
         WHERE r.state > 0 AND p.state < 2",
    ),
    (
        "a page belongs to no run",
        "SELECT p.id FROM flow_page p LEFT JOIN flow_run r ON r.id = p.run WHERE r.id IS NULL",
    ),
    (
        "a page that is not sent has no records",
        "SELECT p.id FROM flow_page p LEFT JOIN flow_bytes b ON b.id = p.id * 2 \
         WHERE p.state < 2 AND b.id IS NULL",
    ),
    (
        "a page is sent after one that is not",
        "SELECT p.id FROM flow_page p WHERE p.state >= 2 AND EXISTS \
         (SELECT 1 FROM flow_page o WHERE o.run = p.run AND o.number < p.number AND o.state < 2)",
    ),
    (
        "bytes belong to no page that is open",
        "SELECT b.id / 2 FROM flow_bytes b LEFT JOIN flow_page p ON p.id = b.id / 2 \
         WHERE p.id IS NULL OR p.state = 3",
    ),
    (
        "a delivery of a flow belongs to no page that is sent",
        "SELECT d.page FROM flow_delivery d LEFT JOIN flow_page p ON p.id = d.page \
         WHERE p.id IS NULL OR p.state < 2",
    ),
    (
        "a parked record is taken by a page that does not need it",
        "SELECT h.id FROM flow_parked h LEFT JOIN flow_page p ON p.id = h.page \
         WHERE h.page IS NOT NULL AND (p.id IS NULL OR p.state >= 2)",
    ),
    (
        "a parked record hangs on a page that is sent or gone",
        "SELECT h.id FROM flow_parked h LEFT JOIN flow_page p ON p.id = h.by_page \
         WHERE h.by_page IS NOT NULL AND (p.id IS NULL OR p.state <> 1)",
    ),
    (
        "a record that came in is taken by a page that does not need it",
        "SELECT h.id FROM flow_received h LEFT JOIN flow_page p ON p.id = h.page \
         WHERE h.page IS NOT NULL AND (p.id IS NULL OR p.state >= 2)",
    ),
];
