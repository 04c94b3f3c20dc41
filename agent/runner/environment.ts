// The environment variables between an agent and its workers.

/** Set in every worker. */
export const IN_WORKER = 'MANYHANDS_WORKER'
/** Set to 1 where the system does not kill a worker with its agent. */
export const WATCH_PARENT = 'MANYHANDS_WATCH_PARENT'
/** The Python that an operator wants. */
export const PYTHON = 'MANYHANDS_PYTHON'
