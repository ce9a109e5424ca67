-- name: sessions
SELECT id, started_at, stopped_at, last_heartbeat_at, status, error_type, error_message, error_traceback,
       dropped_overflow, dropped_exhausted, dropped_shutdown, version, pid
FROM raw_sessions WHERE id < :before ORDER BY id DESC LIMIT :limit;

-- name: sessions_between
-- Those that ran at some time in [:since, :until), oldest first.
SELECT id, started_at, stopped_at, last_heartbeat_at, status, error_type, error_message, error_traceback,
       dropped_overflow, dropped_exhausted, dropped_shutdown, version, pid
FROM raw_sessions WHERE started_at < :until AND (stopped_at IS NULL OR stopped_at >= :since) ORDER BY id;

-- name: session_by
-- The last that began at or before :moment.
SELECT id, started_at, stopped_at, last_heartbeat_at, status, error_type, error_message, error_traceback,
       dropped_overflow, dropped_exhausted, dropped_shutdown, version, pid
FROM raw_sessions WHERE started_at <= :moment ORDER BY id DESC LIMIT 1;

-- name: session_after
-- The first that began after :moment.
SELECT id, started_at, stopped_at, last_heartbeat_at, status, error_type, error_message, error_traceback,
       dropped_overflow, dropped_exhausted, dropped_shutdown, version, pid
FROM raw_sessions WHERE started_at > :moment ORDER BY id LIMIT 1;

-- name: sessions_with_losses
SELECT id, started_at, stopped_at, last_heartbeat_at, status, error_type, error_message, error_traceback,
       dropped_overflow, dropped_exhausted, dropped_shutdown, version, pid
FROM raw_sessions WHERE dropped_overflow + dropped_exhausted + dropped_shutdown > 0 ORDER BY id;

-- name: audit
-- Changes by people, newest first.
SELECT id, ts, session_id, actor, action, target, reason
FROM raw_audit WHERE id < :before AND (:target IS NULL OR target = :target) ORDER BY id DESC LIMIT :limit;

-- name: jobs
SELECT id, app_key, instance_index, job_name, handler_method, trigger_type, trigger_label, trigger_detail, trigger_id,
       "group", name_auto, args_json, kwargs_json, source_location, registration_source, source_tier, mode, misfire,
       paused_at, paused_by, retired_at, cancelled_at
FROM raw_scheduled_jobs
WHERE (:app_key IS NULL OR app_key = :app_key)
  AND (:instance_index IS NULL OR instance_index = :instance_index)
  AND (:group IS NULL OR "group" = :group)
  AND (:state IS NULL OR :state = CASE WHEN cancelled_at IS NOT NULL THEN 'cancelled'
                                       WHEN retired_at IS NOT NULL THEN 'retired' ELSE 'live' END)
ORDER BY app_key, instance_index, job_name;

-- name: job
SELECT id, app_key, instance_index, job_name, handler_method, trigger_type, trigger_label, trigger_detail, trigger_id,
       "group", name_auto, args_json, kwargs_json, source_location, registration_source, source_tier, mode, misfire,
       paused_at, paused_by, retired_at, cancelled_at
FROM raw_scheduled_jobs WHERE id = :id;

-- name: job_named
SELECT id, app_key, instance_index, job_name, handler_method, trigger_type, trigger_label, trigger_detail, trigger_id,
       "group", name_auto, args_json, kwargs_json, source_location, registration_source, source_tier, mode, misfire,
       paused_at, paused_by, retired_at, cancelled_at
FROM raw_scheduled_jobs WHERE app_key = :app_key AND instance_index = :instance_index AND job_name = :job_name;

-- name: listeners
SELECT id, app_key, instance_index, name, topic, handler_method, debounce, throttle, once, priority, immediate,
       duration, entity_id, mode, predicate_description, human_description, source_location, registration_source,
       source_tier, retired_at
FROM raw_listeners
WHERE (:app_key IS NULL OR app_key = :app_key)
  AND (:instance_index IS NULL OR instance_index = :instance_index)
  AND (:state IS NULL OR :state = CASE WHEN retired_at IS NOT NULL THEN 'retired' ELSE 'live' END)
ORDER BY app_key, instance_index, name, topic;

-- name: listener
SELECT id, app_key, instance_index, name, topic, handler_method, debounce, throttle, once, priority, immediate,
       duration, entity_id, mode, predicate_description, human_description, source_location, registration_source,
       source_tier, retired_at
FROM raw_listeners WHERE id = :id;

-- name: schedules_of_job
-- Oldest first.
SELECT id, job_id, trigger_id, trigger_spec, timezone, first_ts, open_ts, ended_at, fence
FROM raw_schedules WHERE job_id = :job_id ORDER BY id;

-- name: leaderships
SELECT fence, previous, began_at, ended_at, session_id FROM raw_leaderships ORDER BY fence;

-- name: last_slot
-- The last slot of a schedule that has a row, and its status.
SELECT coalesce(scheduled_to_ts, scheduled_ts), status FROM raw_executions
WHERE schedule_id = :schedule_id AND scheduled_ts IS NOT NULL AND tick_count > 0 ORDER BY scheduled_ts DESC LIMIT 1;

-- name: executions_of_ids
-- All there is to say about some executions, in no order; :ids is a JSON list of row ids.
SELECT e.id, e.execution_id, e.kind, e.status, e.reason, coalesce(j.app_key, l.app_key),
       coalesce(j.instance_index, l.instance_index), coalesce(j.job_name, l.name), l.topic, e.job_id, e.listener_id,
       e.session_id, e.schedule_id, e.scheduled_ts, e.scheduled_to_ts, e.tick_count, e.execution_start_ts, e.duration,
       e.attempt_number, e.source_tier, e.is_di_failure, e.retry_count, e.trigger_mode, e.trigger_context_id,
       e.trigger_origin, e.error_type, e.error_message, e.error_traceback, coalesce(e.args_json, '[]'),
       coalesce(e.kwargs_json, '{}')
FROM json_each(:ids) AS wanted
CROSS JOIN raw_executions AS e ON e.id = wanted.value
LEFT JOIN raw_scheduled_jobs AS j ON j.id = e.job_id
LEFT JOIN raw_listeners AS l ON l.id = e.listener_id;

-- name: execution_row
-- The row of an execution id.
SELECT id FROM raw_executions WHERE execution_id = :execution_id;

-- name: executions_newest
-- Newest first. :statuses is a set of bits, one for the number of each status.
SELECT id FROM raw_executions AS e
WHERE id < :before
  AND (:statuses >> status) & 1
  AND coalesce(scheduled_ts, execution_start_ts) >= :since AND coalesce(scheduled_ts, execution_start_ts) < :until
  AND (:kind IS NULL OR kind = :kind)
  AND (:source_tier IS NULL OR source_tier = :source_tier)
  AND (:session_id IS NULL OR session_id = :session_id)
  AND (:app_key IS NULL
       OR job_id IN (SELECT id FROM raw_scheduled_jobs WHERE app_key = :app_key)
       OR listener_id IN (SELECT id FROM raw_listeners WHERE app_key = :app_key))
ORDER BY id DESC LIMIT :limit;

-- name: executions_to_look_at
-- Newest first, those of one status other than success.
SELECT id FROM raw_executions
WHERE status = :status AND status <> 1 AND id < :before
  AND coalesce(scheduled_ts, execution_start_ts) >= :since AND coalesce(scheduled_ts, execution_start_ts) < :until
  AND (:kind IS NULL OR kind = :kind)
  AND (:source_tier IS NULL OR source_tier = :source_tier)
  AND (:session_id IS NULL OR session_id = :session_id)
  AND (:job_id IS NULL OR job_id = :job_id)
  AND (:listener_id IS NULL OR listener_id = :listener_id)
  AND (:app_key IS NULL
       OR job_id IN (SELECT id FROM raw_scheduled_jobs WHERE app_key = :app_key)
       OR listener_id IN (SELECT id FROM raw_listeners WHERE app_key = :app_key))
ORDER BY id DESC LIMIT :limit;

-- name: executions_of_slots
-- Latest slot first, those of one schedule before (:time, :id).
SELECT scheduled_ts, id FROM raw_executions
WHERE schedule_id = :schedule_id AND scheduled_ts IS NOT NULL AND tick_count > 0
  AND scheduled_ts >= :since AND scheduled_ts <= :time AND (scheduled_ts < :time OR id < :id)
  AND (:statuses >> status) & 1
  AND (:session_id IS NULL OR session_id = :session_id)
ORDER BY scheduled_ts DESC LIMIT :limit;

-- name: executions_beside_slots
-- Latest first: runs by hand, and attempts that another followed.
SELECT execution_start_ts, id FROM raw_executions
WHERE job_id = :job_id AND (tick_count = 0 OR schedule_id IS NULL OR scheduled_ts IS NULL)
  AND execution_start_ts >= :since AND execution_start_ts <= :time AND (execution_start_ts < :time OR id < :id)
  AND (:statuses >> status) & 1
  AND (:session_id IS NULL OR session_id = :session_id)
ORDER BY execution_start_ts DESC, id DESC LIMIT :limit;

-- name: executions_of_listener
-- Latest first.
SELECT execution_start_ts, id FROM raw_executions
WHERE listener_id = :listener_id
  AND execution_start_ts >= :since AND execution_start_ts <= :time AND (execution_start_ts < :time OR id < :id)
  AND (:statuses >> status) & 1
  AND (:session_id IS NULL OR session_id = :session_id)
ORDER BY execution_start_ts DESC, id DESC LIMIT :limit;

-- name: totals
-- Rows and slots of each status among the newest rows.
SELECT status, count(*), sum(tick_count), min(execution_start_ts)
FROM (SELECT status, tick_count, execution_start_ts FROM raw_executions WHERE id > :above ORDER BY id DESC LIMIT :limit)
GROUP BY status;

-- name: highest_execution
SELECT coalesce(max(id), 0) FROM raw_executions;

-- name: row_reaching_over
-- The last row of a schedule that begins before :moment.
SELECT scheduled_ts, coalesce(scheduled_to_ts, scheduled_ts), tick_count, status, reason, execution_id, schedule_id,
       execution_start_ts, duration, attempt_number
FROM raw_executions
WHERE schedule_id = :schedule_id AND scheduled_ts IS NOT NULL AND tick_count > 0 AND scheduled_ts < :moment
ORDER BY scheduled_ts DESC LIMIT 1;

-- name: rows_by_slot
-- The rows of a schedule that begin in [:since, :until), in order of their slots.
SELECT scheduled_ts, coalesce(scheduled_to_ts, scheduled_ts), tick_count, status, reason, execution_id, schedule_id,
       execution_start_ts, duration, attempt_number
FROM raw_executions
WHERE schedule_id = :schedule_id AND scheduled_ts IS NOT NULL AND tick_count > 0
  AND scheduled_ts >= :since AND scheduled_ts < :until
ORDER BY scheduled_ts;

-- name: figures_of_slots
-- What a summary looks at, latest slot first.
SELECT scheduled_ts, id, status, reason, tick_count, scheduled_ts, execution_start_ts, duration, attempt_number
FROM raw_executions
WHERE schedule_id = :schedule_id AND scheduled_ts IS NOT NULL AND tick_count > 0
  AND scheduled_ts >= :since AND scheduled_ts < :until
ORDER BY scheduled_ts DESC LIMIT :limit;

-- name: figures_beside_slots
-- As figures_of_slots, of runs by hand, and of attempts that another followed.
SELECT execution_start_ts, id, status, reason, tick_count, scheduled_ts, execution_start_ts, duration, attempt_number
FROM raw_executions
WHERE job_id = :job_id AND (tick_count = 0 OR schedule_id IS NULL OR scheduled_ts IS NULL)
  AND execution_start_ts >= :since AND execution_start_ts < :until
ORDER BY execution_start_ts DESC, id DESC LIMIT :limit;

-- name: log_records_of_ids
-- All there is to say about some log records, in no order; :ids is a JSON list.
SELECT r.id, r.session_id, r.seq, r.timestamp, r.level, r.logger_name, r.func_name, r.lineno, r.message, r.exc_info,
       r.app_key, r.instance_name, r.instance_index, r.execution_id, r.source_tier
FROM json_each(:ids) AS wanted CROSS JOIN raw_log_records AS r ON r.id = wanted.value;

-- name: log_records_newest
-- Latest first, those before (:time, :id).
SELECT timestamp, id FROM raw_log_records
WHERE timestamp >= :since AND timestamp <= :time AND (timestamp < :time OR id < :id)
  AND level >= :level
  AND (:logger_name IS NULL OR logger_name = :logger_name)
ORDER BY timestamp DESC, id DESC LIMIT :limit;

-- name: log_records_of_app
-- Latest first, those before (:time, :id).
SELECT timestamp, id FROM raw_log_records
WHERE app_key = :app_key
  AND timestamp >= :since AND timestamp <= :time AND (timestamp < :time OR id < :id)
  AND level >= :level
  AND (:logger_name IS NULL OR logger_name = :logger_name)
ORDER BY timestamp DESC, id DESC LIMIT :limit;

-- name: log_records_of_execution
-- In the order in which they were written.
SELECT id FROM raw_log_records WHERE execution_id = :execution_id AND level >= :level ORDER BY id LIMIT :limit;

-- name: floors
SELECT key, value FROM raw_meta WHERE key IN ('floor_app', 'floor_framework');

-- name: started_executions
-- What runs, or waits for its turn, or ran when its process died.
SELECT id, session_id FROM raw_executions WHERE status = 0 AND status <> 1 ORDER BY id;
