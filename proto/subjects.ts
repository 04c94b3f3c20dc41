// Names on the NATS server: the one place that spells them. Tokens hold letters, digits, "-" and "_" only, so that a name
// can neither split a subject nor match a wildcard.

const TOKEN = /^[A-Za-z0-9_-]{1,64}$/

/** Makes any text a token: what a token cannot hold becomes "_", and the result is cut at 64 characters. */
export const toToken = (text: string): string => text.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64) || '_'

const token = (text: string): string => {
  if (!TOKEN.test(text))
    throw new Error(`"${text}" cannot stand in a subject: expected 1 to 64 letters, digits, "-" or "_"`)
  return text
}

export const subjects = {
  taskStream: (job: string, epoch: number): string => `MH_T_${token(job)}_${epoch}`,
  task: (job: string, epoch: number): string => `mh.task.${token(job)}.${epoch}`,
  tasksOfJob: (job: string): string => `mh.task.${token(job)}.*`,
  /** The one durable consumer of a task stream. */
  taskConsumer: 'agents',
  reportStream: (job: string): string => `MH_R_${token(job)}`,
  reportsOfJob: (job: string): string => `mh.res.${token(job)}.>`,
  report: (job: string, agent: string, shard: number, attempt: number): string =>
    `mh.res.${token(job)}.${token(agent)}.${shard}.${attempt}`,
  beat: (agent: string): string => `mh.hb.${token(agent)}`,
  beats: 'mh.hb.*',
  broadcast: 'mh.jobs',
  blob: (agent: string): string => `mh.bundle.${token(agent)}`,
  blobs: 'mh.bundle.*',
  /** Of the daemons: what is kept under a key, in the form of a NATS key-value bucket. */
  bucketStream: (bucket: string): string => `KV_${token(bucket)}`,
  key: (bucket: string, ...key: string[]): string => `$KV.${token(bucket)}.${key.map(token).join('.')}`,
  keys: (bucket: string): string => `$KV.${token(bucket)}.>`,
  /** What a client gave with its job, and what came of it. */
  journalStream: (kind: 'in' | 'out', job: string): string => `MH_${kind === 'in' ? 'I' : 'O'}_${token(job)}`,
  journal: (kind: 'in' | 'out', job: string): string => `mh.${kind}.${token(job)}`,
  /** How far a job is, from the daemon that has it to the others. */
  news: (job: string): string => `mh.news.${token(job)}`,
  allNews: 'mh.news.*',
} as const
