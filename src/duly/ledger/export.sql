-- name: executions
SELECT * FROM executions WHERE id > ? ORDER BY id LIMIT ?;

-- name: jobs
SELECT * FROM scheduled_jobs WHERE id > ? ORDER BY id LIMIT ?;

-- name: logs
SELECT * FROM log_records WHERE id > ? ORDER BY id LIMIT ?;

-- name: count_executions
SELECT count(*) FROM raw_executions;

-- name: count_jobs
SELECT count(*) FROM raw_scheduled_jobs;

-- name: count_logs
SELECT count(*) FROM raw_log_records;
