-- Times are nanoseconds since the epoch, UTC; durations are nanoseconds; words are numbers of ledger/codes.py.
-- The tables proper are called raw_*. Each has a view under its own name that shows seconds and words.

PRAGMA application_id = 1146440793;  -- "DULY"

CREATE TABLE raw_sessions (
    id                 INTEGER PRIMARY KEY,
    started_at         INTEGER NOT NULL,
    stopped_at         INTEGER,
    last_heartbeat_at  INTEGER NOT NULL,
    status             INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 3),
    error_type         TEXT,
    error_message      TEXT,
    error_traceback    TEXT,
    dropped_overflow   INTEGER NOT NULL DEFAULT 0,
    dropped_exhausted  INTEGER NOT NULL DEFAULT 0,
    dropped_shutdown   INTEGER NOT NULL DEFAULT 0,
    version            TEXT NOT NULL,
    pid                INTEGER NOT NULL
) STRICT;

CREATE TABLE raw_listeners (
    id                     INTEGER PRIMARY KEY,
    app_key                TEXT NOT NULL,
    instance_index         INTEGER NOT NULL,
    name                   TEXT NOT NULL,
    topic                  TEXT NOT NULL,
    handler_method         TEXT NOT NULL,
    debounce               REAL,
    throttle               REAL,
    once                   INTEGER NOT NULL DEFAULT 0 CHECK (once IN (0, 1)),
    priority               INTEGER NOT NULL DEFAULT 0,
    immediate              INTEGER NOT NULL DEFAULT 0 CHECK (immediate IN (0, 1)),
    duration               REAL,
    entity_id              TEXT,
    mode                   TEXT NOT NULL DEFAULT 'queued',
    predicate_description  TEXT,
    human_description      TEXT,
    source_location        TEXT NOT NULL DEFAULT '',
    registration_source    TEXT,
    source_tier            INTEGER NOT NULL DEFAULT 0 CHECK (source_tier IN (0, 1)),
    retired_at             INTEGER,
    UNIQUE (app_key, instance_index, name, topic),
    CHECK (source_tier = 1 OR NOT (app_key = '__duly__' OR app_key GLOB '__duly__.*'))
) STRICT;

CREATE TABLE raw_scheduled_jobs (
    id                   INTEGER PRIMARY KEY,
    app_key              TEXT NOT NULL,
    instance_index       INTEGER NOT NULL,
    job_name             TEXT NOT NULL,
    handler_method       TEXT NOT NULL,
    trigger_type         INTEGER CHECK (trigger_type BETWEEN 1 AND 5),
    trigger_label        TEXT NOT NULL DEFAULT '',
    trigger_detail       TEXT,
    trigger_id           TEXT,
    "group"              TEXT,
    name_auto            INTEGER NOT NULL DEFAULT 0 CHECK (name_auto IN (0, 1)),
    args_json            TEXT NOT NULL DEFAULT '[]',
    kwargs_json          TEXT NOT NULL DEFAULT '{}',
    source_location      TEXT NOT NULL DEFAULT '',
    registration_source  TEXT,
    source_tier          INTEGER NOT NULL DEFAULT 0 CHECK (source_tier IN (0, 1)),
    mode                 INTEGER NOT NULL DEFAULT 0 CHECK (mode BETWEEN 0 AND 3),
    misfire              INTEGER NOT NULL DEFAULT 1 CHECK (misfire BETWEEN 0 AND 2),
    paused_at            INTEGER,
    paused_by            TEXT,
    retired_at           INTEGER,
    cancelled_at         INTEGER,
    UNIQUE (app_key, instance_index, job_name),
    CHECK (source_tier = 1 OR NOT (app_key = '__duly__' OR app_key GLOB '__duly__.*'))
) STRICT;

-- One row per registration of a job: the chain of slots that begins with first_ts. With a fence it has only the slots
-- that were decided in that leadership, which began with open_ts: the others are in rows of other leaderships, here and
-- in files of other replicas.
CREATE TABLE raw_schedules (
    id            INTEGER PRIMARY KEY,
    job_id        INTEGER NOT NULL REFERENCES raw_scheduled_jobs ON DELETE CASCADE,
    trigger_id    TEXT NOT NULL,
    trigger_spec  TEXT,     -- JSON that rebuilds a built-in trigger; null: one of a user's
    timezone      TEXT,     -- null: that of the system
    first_ts      INTEGER NOT NULL,
    open_ts       INTEGER,  -- the first slot that has no row; null: it follows from the highest slot that has one
    ended_at      INTEGER,  -- slots up to then are accounted for, later ones do not exist; null: it goes on
    fence         INTEGER   -- the leadership that has opened it; null: there are no replicas
) STRICT;
CREATE INDEX schedules_of_job ON raw_schedules (job_id);

-- The times in which this replica of a scheduler was the leader. They are never deleted: by "previous" one goes from
-- each to the one before, through the files of all replicas.
CREATE TABLE raw_leaderships (
    fence       INTEGER PRIMARY KEY CHECK (fence > 0),
    previous    INTEGER,  -- fence of the last one before that has committed anything; 0: there was none; null: not known
    began_at    INTEGER NOT NULL,
    ended_at    INTEGER,  -- null: it goes on, or its process died
    session_id  INTEGER   -- no foreign key: sessions are deleted
) STRICT;

CREATE TABLE raw_executions (
    id                  INTEGER PRIMARY KEY,
    kind                INTEGER NOT NULL CHECK (kind IN (0, 1)),
    status              INTEGER NOT NULL CHECK (status BETWEEN 0 AND 7),
    listener_id         INTEGER REFERENCES raw_listeners ON DELETE SET NULL CHECK (listener_id IS NULL OR kind = 0),
    job_id              INTEGER REFERENCES raw_scheduled_jobs ON DELETE SET NULL CHECK (job_id IS NULL OR kind = 1),
    session_id          INTEGER NOT NULL REFERENCES raw_sessions,
    execution_id        BLOB,
    execution_start_ts  INTEGER NOT NULL,
    duration            INTEGER NOT NULL CHECK (duration >= 0),
    schedule_id         INTEGER REFERENCES raw_schedules ON DELETE SET NULL,
    scheduled_ts        INTEGER,
    scheduled_to_ts     INTEGER,  -- last slot of a row that stands for several
    tick_count          INTEGER NOT NULL CHECK (tick_count >= 0),
    attempt_number      INTEGER NOT NULL,
    reason              INTEGER CHECK (reason BETWEEN 1 AND 6),
    source_tier         INTEGER NOT NULL DEFAULT 0 CHECK (source_tier IN (0, 1)),
    is_di_failure       INTEGER NOT NULL DEFAULT 0 CHECK (is_di_failure IN (0, 1)),
    retry_count         INTEGER NOT NULL DEFAULT 0,
    trigger_mode        TEXT,
    trigger_context_id  TEXT,
    trigger_origin      TEXT,
    error_type          TEXT,
    error_message       TEXT,
    error_traceback     TEXT,
    args_json           TEXT,     -- null: []
    kwargs_json         TEXT      -- null: {}
) STRICT;
-- A mark and its outcome are one row; replays change nothing.
CREATE UNIQUE INDEX executions_by_execution ON raw_executions (execution_id);
-- One row per slot that counts; also the way from a job, through its schedules, to its rows.
CREATE UNIQUE INDEX executions_by_slot ON raw_executions (schedule_id, scheduled_ts)
    WHERE schedule_id IS NOT NULL AND scheduled_ts IS NOT NULL AND tick_count > 0;
-- The rows of jobs that the one above has not: runs by hand and attempts that another followed.
CREATE INDEX executions_beside_slots ON raw_executions (job_id, execution_start_ts)
    WHERE job_id IS NOT NULL AND (tick_count = 0 OR schedule_id IS NULL OR scheduled_ts IS NULL);
CREATE INDEX executions_of_listener ON raw_executions (listener_id, execution_start_ts) WHERE listener_id IS NOT NULL;
-- What runs, and what did not go well: few rows among many successes.
CREATE INDEX executions_to_look_at ON raw_executions (status, id) WHERE status <> 1;

CREATE TABLE raw_log_records (
    id              INTEGER PRIMARY KEY,
    session_id      INTEGER,
    seq             INTEGER NOT NULL,
    timestamp       INTEGER NOT NULL,
    level           INTEGER NOT NULL,
    logger_name     TEXT NOT NULL,
    func_name       TEXT,
    lineno          INTEGER,
    message         TEXT NOT NULL,
    exc_info        TEXT,
    app_key         TEXT,
    instance_name   TEXT,
    instance_index  INTEGER,
    execution_id    BLOB,         -- no foreign key: logs come before their row
    source_tier     INTEGER CHECK (source_tier IN (0, 1))
) STRICT;
CREATE INDEX log_records_by_time ON raw_log_records (timestamp);
CREATE INDEX log_records_of_execution ON raw_log_records (execution_id) WHERE execution_id IS NOT NULL;
CREATE INDEX log_records_of_app ON raw_log_records (app_key, timestamp);

-- Changes made by people.
CREATE TABLE raw_audit (
    id          INTEGER PRIMARY KEY,
    ts          INTEGER NOT NULL,
    session_id  INTEGER,
    actor       TEXT NOT NULL,
    action      TEXT NOT NULL,
    target      TEXT NOT NULL,
    reason      TEXT
) STRICT;

-- floor_app, floor_framework: nanoseconds up to which rows of that tier may have been deleted.
CREATE TABLE raw_meta (
    key    TEXT PRIMARY KEY,
    value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE VIEW sessions AS
SELECT id, started_at / 1e9 AS started_at, stopped_at / 1e9 AS stopped_at, last_heartbeat_at / 1e9 AS last_heartbeat_at,
       CASE status WHEN 0 THEN 'running' WHEN 1 THEN 'success' WHEN 2 THEN 'failure' ELSE 'unknown' END AS status,
       error_type, error_message, error_traceback, dropped_overflow, dropped_exhausted, dropped_shutdown, version, pid
FROM raw_sessions;

CREATE VIEW listeners AS
SELECT id, app_key, instance_index, name, topic, handler_method, debounce, throttle, once, priority, immediate, duration,
       entity_id, mode, predicate_description, human_description, source_location, registration_source,
       CASE source_tier WHEN 0 THEN 'app' ELSE 'framework' END AS source_tier, retired_at / 1e9 AS retired_at
FROM raw_listeners;

CREATE VIEW scheduled_jobs AS
SELECT id, app_key, instance_index, job_name, handler_method,
       CASE trigger_type WHEN 1 THEN 'interval' WHEN 2 THEN 'cron' WHEN 3 THEN 'once' WHEN 4 THEN 'after'
                         WHEN 5 THEN 'custom' END AS trigger_type,
       trigger_label, trigger_detail, trigger_id, "group", name_auto, args_json, kwargs_json, source_location,
       registration_source, CASE source_tier WHEN 0 THEN 'app' ELSE 'framework' END AS source_tier,
       CASE mode WHEN 0 THEN 'single' WHEN 1 THEN 'restart' WHEN 2 THEN 'queued' ELSE 'parallel' END AS mode,
       CASE misfire WHEN 0 THEN 'skip' WHEN 1 THEN 'run_once' ELSE 'run_all' END AS misfire,
       paused_at / 1e9 AS paused_at, paused_by, retired_at / 1e9 AS retired_at, cancelled_at / 1e9 AS cancelled_at
FROM raw_scheduled_jobs;

CREATE VIEW schedules AS
SELECT id, job_id, trigger_id, trigger_spec, timezone, first_ts / 1e9 AS first_ts, open_ts / 1e9 AS open_ts,
       ended_at / 1e9 AS ended_at, fence
FROM raw_schedules;

CREATE VIEW leaderships AS
SELECT fence, previous, began_at / 1e9 AS began_at, ended_at / 1e9 AS ended_at, session_id FROM raw_leaderships;

CREATE VIEW executions AS
SELECT id, CASE kind WHEN 0 THEN 'handler' ELSE 'job' END AS kind, listener_id, job_id, session_id,
       lower(substr(hex(execution_id), 1, 8) || '-' || substr(hex(execution_id), 9, 4) || '-'
             || substr(hex(execution_id), 13, 4) || '-' || substr(hex(execution_id), 17, 4) || '-'
             || substr(hex(execution_id), 21)) AS execution_id,
       execution_start_ts / 1e9 AS execution_start_ts, duration / 1e6 AS duration_ms,
       CASE status WHEN 0 THEN 'started' WHEN 1 THEN 'success' WHEN 2 THEN 'error' WHEN 3 THEN 'timed_out'
                   WHEN 4 THEN 'cancelled' WHEN 5 THEN 'skipped' WHEN 6 THEN 'missed' ELSE 'interrupted' END AS status,
       CASE reason WHEN 1 THEN 'overlap' WHEN 2 THEN 'paused' WHEN 3 THEN 'excluded' WHEN 4 THEN 'down'
                   WHEN 5 THEN 'suspended' WHEN 6 THEN 'stalled' END AS reason,
       schedule_id, scheduled_ts / 1e9 AS scheduled_ts, scheduled_to_ts / 1e9 AS scheduled_to_ts, tick_count,
       error_type, error_message, error_traceback, is_di_failure,
       CASE source_tier WHEN 0 THEN 'app' ELSE 'framework' END AS source_tier,
       trigger_context_id, trigger_origin, trigger_mode, retry_count, attempt_number,
       coalesce(args_json, '[]') AS args_json, coalesce(kwargs_json, '{}') AS kwargs_json
FROM raw_executions;

CREATE VIEW log_records AS
SELECT id, session_id, seq, timestamp / 1e9 AS timestamp,
       CASE level WHEN 10 THEN 'DEBUG' WHEN 20 THEN 'INFO' WHEN 30 THEN 'WARNING' WHEN 40 THEN 'ERROR'
                  WHEN 50 THEN 'CRITICAL' ELSE CAST(level AS TEXT) END AS level,
       logger_name, func_name, lineno, message, exc_info, app_key, instance_name, instance_index,
       lower(substr(hex(execution_id), 1, 8) || '-' || substr(hex(execution_id), 9, 4) || '-'
             || substr(hex(execution_id), 13, 4) || '-' || substr(hex(execution_id), 17, 4) || '-'
             || substr(hex(execution_id), 21)) AS execution_id,
       CASE source_tier WHEN 0 THEN 'app' WHEN 1 THEN 'framework' END AS source_tier
FROM raw_log_records;

CREATE VIEW audit AS
SELECT id, ts / 1e9 AS ts, session_id, actor, action, target, reason FROM raw_audit;

CREATE VIEW meta AS
SELECT key, value FROM raw_meta;
