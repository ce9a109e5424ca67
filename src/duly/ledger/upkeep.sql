-- name: oldest_executions
-- The first rows after :after in the order of writing, but for those that run. The last slot of a row that settles
-- none is when it began.
SELECT id, source_tier, execution_start_ts, CASE WHEN tick_count > 0 THEN schedule_id END,
       coalesce(CASE WHEN tick_count > 0 THEN coalesce(scheduled_to_ts, scheduled_ts) END, execution_start_ts)
FROM raw_executions WHERE id > :after AND status <> 0 ORDER BY id LIMIT :limit;

-- name: oldest_framework_successes
-- As oldest_executions, of what Duly itself did well.
SELECT id, source_tier, execution_start_ts, CASE WHEN tick_count > 0 THEN schedule_id END,
       coalesce(CASE WHEN tick_count > 0 THEN coalesce(scheduled_to_ts, scheduled_ts) END, execution_start_ts)
FROM raw_executions WHERE id > :after AND status = 1 AND source_tier = 1 ORDER BY id LIMIT :limit;

-- name: has_slot_after
-- Whether a schedule has a row for a later slot.
SELECT EXISTS (
    SELECT 1 FROM raw_executions WHERE schedule_id = ? AND scheduled_ts > ? AND scheduled_ts IS NOT NULL AND tick_count > 0
);

-- name: schedule
SELECT trigger_spec, ended_at FROM raw_schedules WHERE id = ?;

-- name: store_open_slot
-- Where to go on when the highest slot has no row any more. It never goes back.
UPDATE raw_schedules SET open_ts = max(coalesce(open_ts, :open_ts), :open_ts) WHERE id = :id;

-- name: delete_execution
DELETE FROM raw_executions WHERE id = ?;

-- name: raise_floor
-- It never goes back.
INSERT INTO raw_meta (key, value) VALUES (:key, CAST(:floor AS TEXT))
ON CONFLICT (key) DO UPDATE SET value = CAST(max(CAST(value AS INTEGER), :floor) AS TEXT);

-- name: delete_old_logs
DELETE FROM raw_log_records
WHERE id IN (SELECT id FROM raw_log_records WHERE timestamp < :older_than ORDER BY timestamp LIMIT :limit);

-- name: oldest_logs
SELECT timestamp, id FROM raw_log_records ORDER BY timestamp LIMIT ?;

-- name: delete_log
DELETE FROM raw_log_records WHERE id = ?;

-- name: old_listeners
SELECT id FROM raw_listeners AS l
WHERE retired_at < :older_than AND NOT EXISTS (SELECT 1 FROM raw_executions WHERE listener_id = l.id) LIMIT :limit;

-- name: old_jobs
-- The two ways from a job to its rows are those of the indexes.
SELECT id FROM raw_scheduled_jobs AS j
WHERE (retired_at < :older_than OR cancelled_at < :older_than)
  AND NOT EXISTS (
      SELECT 1 FROM raw_schedules AS s JOIN raw_executions AS e ON e.schedule_id = s.id
      WHERE s.job_id = j.id AND e.scheduled_ts IS NOT NULL AND e.tick_count > 0)
  AND NOT EXISTS (
      SELECT 1 FROM raw_executions
      WHERE job_id = j.id AND (tick_count = 0 OR schedule_id IS NULL OR scheduled_ts IS NULL))
LIMIT :limit;

-- name: delete_schedules_of_job
DELETE FROM raw_schedules WHERE job_id = ?;

-- name: old_schedules
-- Those that have ended, and those of a leadership that another had followed by then.
SELECT id FROM raw_schedules AS s
WHERE (ended_at < :older_than
       OR EXISTS (SELECT 1 FROM raw_leaderships WHERE fence > s.fence AND began_at < :older_than))
  AND NOT EXISTS (
      SELECT 1 FROM raw_executions WHERE schedule_id = s.id AND scheduled_ts IS NOT NULL AND tick_count > 0)
  AND NOT EXISTS (
      SELECT 1 FROM raw_executions
      WHERE job_id = s.job_id AND (tick_count = 0 OR schedule_id IS NULL OR scheduled_ts IS NULL)
        AND schedule_id = s.id)
LIMIT :limit;

-- name: delete_schedule
DELETE FROM raw_schedules WHERE id = ?;

-- name: old_sessions
-- Those before the one that wrote the oldest log record there is.
SELECT id FROM raw_sessions AS s
WHERE status <> 0 AND stopped_at < :older_than
  AND id < coalesce((SELECT session_id FROM raw_log_records WHERE session_id IS NOT NULL ORDER BY id LIMIT 1), id + 1)
  AND NOT EXISTS (SELECT 1 FROM raw_audit WHERE session_id = s.id)
ORDER BY id LIMIT :limit;

-- name: sessions_of_executions
-- One pass over all rows, for there is no index.
SELECT DISTINCT session_id FROM raw_executions WHERE session_id <= ?;

-- name: delete_session
DELETE FROM raw_sessions WHERE id = ?;

-- name: oldest_execution
SELECT execution_start_ts FROM raw_executions WHERE status <> 0 ORDER BY id LIMIT 1;

-- name: oldest_log
SELECT timestamp FROM raw_log_records ORDER BY timestamp LIMIT 1;
