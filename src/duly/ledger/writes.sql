-- name: insert_execution
-- A row, or the outcome of a mark that is there already. An outcome is never replaced.
INSERT INTO raw_executions (
    kind, status, job_id, session_id, execution_id, execution_start_ts, duration, schedule_id, scheduled_ts, tick_count,
    attempt_number, scheduled_to_ts, reason, trigger_mode, error_type, error_message, error_traceback, listener_id,
    source_tier, is_di_failure, retry_count, trigger_context_id, trigger_origin, args_json, kwargs_json
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (execution_id) DO UPDATE SET
    status = excluded.status, execution_start_ts = excluded.execution_start_ts, duration = excluded.duration,
    tick_count = excluded.tick_count, reason = excluded.reason, is_di_failure = excluded.is_di_failure,
    trigger_mode = excluded.trigger_mode, error_type = excluded.error_type, error_message = excluded.error_message,
    error_traceback = excluded.error_traceback
WHERE raw_executions.status = 0 AND excluded.status <> 0;

-- name: insert_plain_execution
-- As insert_execution, for the many rows of jobs of which there is nothing else to say.
INSERT INTO raw_executions (
    kind, status, job_id, session_id, execution_id, execution_start_ts, duration, schedule_id, scheduled_ts, tick_count,
    attempt_number
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (execution_id) DO UPDATE SET
    status = excluded.status, execution_start_ts = excluded.execution_start_ts, duration = excluded.duration,
    tick_count = excluded.tick_count
WHERE raw_executions.status = 0 AND excluded.status <> 0;

-- name: insert_handler_execution
-- As insert_execution, for the many rows of handlers of which there is nothing else to say.
INSERT INTO raw_executions (
    kind, status, listener_id, session_id, execution_id, execution_start_ts, duration, source_tier, trigger_context_id,
    trigger_origin, tick_count, attempt_number
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1)
ON CONFLICT (execution_id) DO UPDATE SET
    status = excluded.status, execution_start_ts = excluded.execution_start_ts, duration = excluded.duration
WHERE raw_executions.status = 0 AND excluded.status <> 0;

-- name: supersede_attempts
-- Another attempt of a slot begins, or something else decides it: earlier ones are kept, and count no more.
UPDATE raw_executions SET tick_count = 0
WHERE schedule_id = ? AND scheduled_ts = ? AND tick_count > 0 AND execution_id <> ?;

-- name: insert_session
INSERT INTO raw_sessions (started_at, last_heartbeat_at, version, pid) VALUES (?, ?, ?, ?);

-- name: beat
UPDATE raw_sessions SET last_heartbeat_at = ? WHERE id = ?;

-- name: end_session
UPDATE raw_sessions SET
    status = :status, stopped_at = :stopped_at, error_type = :error_type, error_message = :error_message,
    error_traceback = :error_traceback, dropped_overflow = :overflow, dropped_exhausted = :exhausted,
    dropped_shutdown = :shutdown
WHERE id = :id;

-- name: interrupt_started
-- What ran when the process of an earlier session ended.
UPDATE raw_executions SET status = 7, duration = 0 WHERE status = 0 AND session_id <> ?;

-- name: orphaned_sessions
SELECT id FROM raw_sessions WHERE status = 0 AND id <> ?;

-- name: end_orphaned_session
-- It stopped at the later of its last heartbeat and the end of the last execution it has recorded.
UPDATE raw_sessions SET status = 3, stopped_at = max(last_heartbeat_at, :last_end) WHERE id = :id;

-- name: newest_executions_of_session
-- The newest rows of the file: those of the session that ended last are among them.
SELECT execution_start_ts + duration FROM raw_executions WHERE session_id = :id AND id > :above ORDER BY id DESC;

-- name: upsert_listener
INSERT INTO raw_listeners (
    app_key, instance_index, name, topic, handler_method, debounce, throttle, once, priority, immediate, duration,
    entity_id, mode, predicate_description, human_description, source_location, registration_source, source_tier
) VALUES (
    :app_key, :instance_index, :name, :topic, :handler_method, :debounce, :throttle, :once, :priority, :immediate,
    :duration, :entity_id, :mode, :predicate_description, :human_description, :source_location, :registration_source,
    :source_tier
)
ON CONFLICT (app_key, instance_index, name, topic) DO UPDATE SET
    handler_method = excluded.handler_method, debounce = excluded.debounce, throttle = excluded.throttle,
    once = excluded.once, priority = excluded.priority, immediate = excluded.immediate, duration = excluded.duration,
    entity_id = excluded.entity_id, mode = excluded.mode, predicate_description = excluded.predicate_description,
    human_description = excluded.human_description, source_location = excluded.source_location,
    registration_source = excluded.registration_source, source_tier = excluded.source_tier, retired_at = NULL
RETURNING id;

-- name: upsert_job
INSERT INTO raw_scheduled_jobs (
    app_key, instance_index, job_name, handler_method, trigger_type, trigger_label, trigger_detail, trigger_id, "group",
    name_auto, args_json, kwargs_json, source_location, registration_source, source_tier, mode, misfire
) VALUES (
    :app_key, :instance_index, :job_name, :handler_method, :trigger_type, :trigger_label, :trigger_detail, :trigger_id,
    :group, :name_auto, :args_json, :kwargs_json, :source_location, :registration_source, :source_tier, :mode, :misfire
)
ON CONFLICT (app_key, instance_index, job_name) DO UPDATE SET
    handler_method = excluded.handler_method, trigger_type = excluded.trigger_type,
    trigger_label = excluded.trigger_label, trigger_detail = excluded.trigger_detail, trigger_id = excluded.trigger_id,
    "group" = excluded."group", name_auto = excluded.name_auto, args_json = excluded.args_json,
    kwargs_json = excluded.kwargs_json, source_location = excluded.source_location,
    registration_source = excluded.registration_source, source_tier = excluded.source_tier, mode = excluded.mode,
    misfire = excluded.misfire, retired_at = NULL, cancelled_at = NULL
RETURNING id;

-- name: cancel_job
UPDATE raw_scheduled_jobs SET cancelled_at = ? WHERE id = ?;

-- name: pause_job
UPDATE raw_scheduled_jobs SET paused_at = ?, paused_by = ? WHERE id = ?;

-- name: retire_job
UPDATE raw_scheduled_jobs SET retired_at = coalesce(retired_at, ?) WHERE id = ?;

-- name: insert_schedule
INSERT INTO raw_schedules (job_id, trigger_id, trigger_spec, timezone, first_ts, open_ts, fence)
VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id;

-- name: end_schedule
UPDATE raw_schedules SET ended_at = ? WHERE id = ? AND ended_at IS NULL;

-- name: schedules_of_app
-- All schedules of an app's jobs, newest last.
SELECT s.id, s.job_id, j.job_name, s.trigger_id, s.trigger_spec, s.timezone, s.first_ts, s.open_ts, s.ended_at,
       s.fence, j.paused_at, j.retired_at, j.cancelled_at
FROM raw_schedules AS s JOIN raw_scheduled_jobs AS j ON j.id = s.job_id
WHERE j.app_key = ? AND j.instance_index = ? ORDER BY s.id;

-- name: newest_schedule_of_job
-- As schedules_of_app, of one job.
SELECT s.id, s.job_id, j.job_name, s.trigger_id, s.trigger_spec, s.timezone, s.first_ts, s.open_ts, s.ended_at,
       s.fence, j.paused_at, j.retired_at, j.cancelled_at
FROM raw_schedules AS s JOIN raw_scheduled_jobs AS j ON j.id = s.job_id WHERE j.id = ? ORDER BY s.id DESC LIMIT 1;

-- name: begin_leadership
-- A fence that is known already is of a fleet that has lost its memory, and counts from the beginning again.
INSERT INTO raw_leaderships (fence, began_at, session_id) VALUES (?, ?, ?)
ON CONFLICT (fence) DO UPDATE SET
    previous = NULL, began_at = excluded.began_at, ended_at = NULL, session_id = excluded.session_id;

-- name: note_previous
UPDATE raw_leaderships SET previous = ? WHERE fence = ?;

-- name: end_leadership
UPDATE raw_leaderships SET ended_at = ? WHERE fence = ? AND ended_at IS NULL;

-- name: id_of_job
SELECT id FROM raw_scheduled_jobs WHERE app_key = ? AND instance_index = ? AND job_name = ?;

-- name: has_schedule
SELECT 1 FROM raw_schedules WHERE id = ? AND job_id = ?;

-- name: other_row_of_slot
SELECT 1 FROM raw_executions
WHERE schedule_id = ? AND scheduled_ts = ? AND tick_count > 0 AND execution_id <> ?;

-- name: live_registrations
SELECT id FROM raw_scheduled_jobs WHERE app_key = ?;

-- name: listeners_of_app
SELECT id, once, source_tier FROM raw_listeners WHERE app_key = ?;

-- name: job_has_executions
SELECT EXISTS (
    SELECT 1 FROM raw_executions WHERE schedule_id IN (SELECT id FROM raw_schedules WHERE job_id = :id)
                                   AND scheduled_ts IS NOT NULL AND tick_count > 0
    UNION ALL
    SELECT 1 FROM raw_executions
    WHERE job_id = :id AND (tick_count = 0 OR schedule_id IS NULL OR scheduled_ts IS NULL)
);

-- name: listener_has_executions
SELECT EXISTS (SELECT 1 FROM raw_executions WHERE listener_id = ?);

-- name: listener_has_executions_in_session
SELECT EXISTS (SELECT 1 FROM raw_executions WHERE listener_id = ? AND session_id = ?);

-- name: delete_job
DELETE FROM raw_scheduled_jobs WHERE id = ?;

-- name: delete_listener
DELETE FROM raw_listeners WHERE id = ?;

-- name: retire_listener
UPDATE raw_listeners SET retired_at = coalesce(retired_at, ?) WHERE id = ?;

-- name: insert_log_record
INSERT INTO raw_log_records (
    session_id, seq, timestamp, level, logger_name, func_name, lineno, message, exc_info, app_key, instance_name,
    instance_index, execution_id, source_tier
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_audit
INSERT INTO raw_audit (ts, session_id, actor, action, target, reason) VALUES (?, ?, ?, ?, ?, ?);
