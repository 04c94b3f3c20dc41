// The table of options: the one place that flags, environment variables, config keys, help texts and documentation come
// from. Plain data, because `--help` reads it: nothing heavy may be imported here.
// Always true: an option's flag is its key in kebab case, its variable is MANYHANDS_ and its key in upper case, its place
// in a config file is its flag's name.

/** What an option's value is; values.ts reads it (settings.ts has the table). */
export type Kind =
  | 'text'
  | 'flag'
  | 'count'
  | 'concurrency'
  | 'natural'
  | 'priority'
  | 'weight'
  | 'port'
  | 'seconds'
  | 'bytes'
  | 'tolerance'
  | 'nats'
  | 'json'
  | 'requirements'
  | 'jobName'
  | 'labels'
  | 'addresses'
  | 'listen'
  | { readonly oneOf: readonly string[] }

export interface OptionSpec {
  readonly kind: Kind
  /** The value's name in help texts. */
  readonly value?: string
  readonly help: string
  readonly commands: readonly string[]
  readonly short?: string
  readonly hidden?: boolean
}

/** What may be said anew of a job that goes on. */
const GOES_ON = ['map', 'resume']
const JOBS = ['map', 'reduce']
const CALLS = ['map', 'reduce', 'run']
const FORESEEN = [...JOBS, 'explain']
const FIGURES = ['explain', 'bench']
/** Jobs as they are asked for, here or of a daemon. */
const MAPS = ['map', 'submit']
/** Those that speak to a coordinator daemon alone. */
const DAEMON = ['submit', 'watch', 'results', 'forget', 'agents', 'drain']
/** Those that can do either. */
const EITHER = ['map', 'resume', 'jobs', 'cancel']
/** Those that write values somewhere. */
const WRITES = ['map', 'results']

export const OPTIONS = {
  range: {
    kind: 'text',
    value: 'A..B[..STEP]',
    help: 'items are the numbers from A to before B',
    commands: [...FORESEEN, 'submit'],
  },
  input: {
    kind: 'text',
    value: 'FILE|-',
    help: 'items are read from a file, or from standard input',
    commands: [...FORESEEN, 'submit'],
  },
  format: {
    kind: { oneOf: ['lines', 'jsonl', 'csv', 'json'] },
    value: 'FORMAT',
    help: 'of the input: lines, jsonl, csv or json (default: by its extension)',
    commands: [...FORESEEN, 'submit'],
  },
  glob: {
    kind: 'text',
    value: 'PATTERN',
    help: 'items are the paths of the files that match',
    commands: [...FORESEEN, 'submit'],
  },
  output: {
    kind: 'text',
    value: 'FILE|-',
    help: 'where the values go: .jsonl, .json, .csv, .f64 (default: standard output, jsonl)',
    commands: WRITES,
  },
  outputFormat: {
    kind: { oneOf: ['jsonl', 'json', 'csv', 'f64'] },
    value: 'FORMAT',
    help: 'of the output: jsonl, json, csv or f64 (default: by its extension)',
    commands: WRITES,
  },
  unordered: { kind: 'flag', help: 'write values as they come, not in input order', commands: WRITES },
  tagged: { kind: 'flag', help: 'write {"index":…,"value":…} or {"index":…,"failure":{…}}', commands: WRITES },
  map: { kind: 'text', value: 'NAME', help: 'an export that each item goes through first', commands: ['reduce'] },
  initial: { kind: 'json', value: 'JSON', help: 'the value to start from', commands: ['reduce'] },
  place: {
    kind: { oneOf: ['auto', 'inline', 'local', 'cluster'] },
    value: 'PLACE',
    help: 'auto, inline, local or cluster (default: auto, which is cluster with --nats, else local; inline: a plain loop in the command itself)',
    commands: [...CALLS, 'resume'],
  },
  slots: {
    kind: 'count',
    value: 'N',
    help: 'workers at once (default: the cores that this process may use)',
    commands: [...FORESEEN, 'resume', 'bench', 'agent', 'up', 'agents'],
  },
  nats: {
    kind: 'nats',
    value: 'URL',
    help: 'the NATS server that agents have joined',
    commands: [...CALLS, 'resume', 'cancel', ...FIGURES, 'agent', 'doctor', 'serve'],
  },
  coordinator: {
    kind: 'addresses',
    value: 'HOST:PORT[,…]',
    help: 'the coordinator daemon (manyhands serve) that has the jobs; of several, one that answers',
    commands: [...EITHER, ...DAEMON],
  },
  listen: {
    kind: 'listen',
    value: 'HOST:PORT',
    help: 'where the daemon answers; port 0 is a free one (default: 127.0.0.1:4270)',
    commands: ['serve'],
  },
  insecure: {
    kind: 'flag',
    help: 'allow connections without encryption beyond this machine: nats://, and those of a daemon',
    commands: [...EITHER.filter(name => name !== 'map'), ...CALLS, ...DAEMON, ...FIGURES, 'agent', 'doctor', 'serve'],
  },
  replicas: {
    kind: { oneOf: ['1', '3', '5'] },
    value: 'N',
    help: 'servers of a NATS cluster that keep each queue: 1, 3 or 5 (default: 1)',
    commands: [...CALLS, ...FIGURES, 'doctor', 'serve'],
  },
  shardSize: {
    kind: 'count',
    value: 'N',
    help: 'items of a shard (default: sized from what is measured)',
    commands: [...JOBS, 'submit'],
  },
  concurrency: {
    kind: 'concurrency',
    value: 'N|auto',
    help: 'items in progress at once in each worker, for functions that wait (default: auto, which begins with 1)',
    commands: [...MAPS, 'explain'],
  },
  timeout: {
    kind: 'seconds',
    value: 'SECONDS',
    help: 'the longest that one item may take; also 250ms, 2s, 5m (default: no limit)',
    commands: [...CALLS, 'resume', 'submit', 'explain'],
  },
  retries: {
    kind: 'natural',
    value: 'N',
    help: 'further tries of an item that failed (default: 0)',
    commands: [...CALLS, 'resume', 'submit'],
  },
  onError: {
    kind: { oneOf: ['stop', 'collect'] },
    value: 'stop|collect',
    help: 'end at the first failure, or go on and report them all (default: collect)',
    commands: [...GOES_ON, 'submit'],
  },
  maxFailures: {
    kind: 'tolerance',
    value: 'N|N%',
    help: 'end the job when more items failed',
    commands: [...GOES_ON, 'submit'],
  },
  speculation: {
    kind: 'flag',
    help: 'run again elsewhere what a host is stuck with, when slots are idle (default: on; --no-speculation)',
    commands: JOBS,
  },
  weight: {
    kind: 'weight',
    value: 'N',
    help: 'on a cluster: jobs of one priority share the slots by their weights, 1 to 1000 (default: 1)',
    commands: [...JOBS, 'submit'],
  },
  priority: {
    kind: 'priority',
    value: 'N',
    help: 'on a cluster: jobs of a higher priority come first (default: 0)',
    commands: [...JOBS, 'submit'],
  },
  maxSlots: {
    kind: 'count',
    value: 'N',
    help: 'on a cluster: the most slots that work on the job at once (default: all)',
    commands: [...JOBS, 'submit'],
  },
  needs: {
    kind: 'labels',
    value: 'LABEL[,LABEL]',
    help: 'on a cluster: only agents that offer all of these labels work on the job, such as gpu or host=NAME',
    commands: [...JOBS, 'submit'],
  },
  init: {
    kind: 'text',
    value: 'NAME',
    help: 'an export that each worker calls once, before its first item',
    commands: [...CALLS, 'submit', 'explain'],
  },
  shared: {
    kind: 'text',
    value: 'FILE',
    help: 'what init is given: the value in a .json file, else the bytes of the file',
    commands: [...CALLS, 'submit', 'explain'],
  },
  shell: {
    kind: 'flag',
    help: 'run COMMAND by a shell, as one line; {} is quoted there',
    commands: [...MAPS, 'explain'],
  },
  memory: {
    kind: 'bytes',
    value: 'SIZE',
    help: 'items and values held at once (default: 64MiB)',
    commands: [...JOBS, 'resume'],
  },
  quiet: {
    kind: 'flag',
    help: 'say nothing but what went wrong',
    commands: [...JOBS, 'resume', 'submit', 'watch', 'results'],
  },
  json: {
    kind: 'flag',
    help: 'one JSON object: the receipt, as the last line of standard error; of other commands all that they say',
    commands: [...JOBS, 'resume', 'jobs', 'cancel', ...DAEMON, ...FIGURES],
  },
  explain: {
    kind: 'flag',
    help: 'say first what the job will take, from a sample whose results are kept',
    commands: ['map'],
  },
  require: {
    kind: 'requirements',
    value: 'WHAT',
    help: "hold the job to it, or exit with 4: 'speedup>=4', 'efficiency>=80%', 'time<=30s', 'failed<=0'",
    commands: [...FORESEEN, 'watch'],
  },
  costs: {
    kind: 'text',
    value: 'FILE|off',
    help: 'where it is remembered what handing work over costs (default: in the cache folder of the user)',
    commands: [...JOBS, 'resume', ...FIGURES],
  },
  runner: {
    kind: { oneOf: ['node', 'python'] },
    value: 'RUNNER',
    help: 'measure this one alone: node or python (default: both; with --nats node)',
    commands: ['bench'],
  },
  receipt: {
    kind: 'text',
    value: 'FILE',
    help: 'write the receipt to a .json file',
    commands: [...JOBS, 'resume', 'watch'],
  },
  job: {
    kind: 'jobName',
    value: 'NAME',
    help: 'call the job so, and write down how far it is: manyhands resume NAME goes on when it was ended, however it was',
    commands: ['map'],
  },
  retryFailed: {
    kind: 'flag',
    help: 'run the failed items of a whole output again, and put their outcomes in their places',
    commands: ['resume'],
  },
  reason: {
    kind: 'text',
    value: 'TEXT',
    help: 'why, for those who look at the job later',
    commands: ['cancel'],
  },
  settledOnly: {
    kind: 'flag',
    help: 'write what is settled by now, and wait for nothing',
    commands: ['results'],
  },
  start: {
    kind: 'natural',
    value: 'N',
    help: 'leave out the items before this index (default: 0)',
    commands: ['results'],
  },
  keepJobs: {
    kind: 'natural',
    value: 'N',
    help: 'how many jobs that have ended are kept, with their results (default: 1000)',
    commands: ['serve'],
  },
  state: {
    kind: 'text',
    value: 'FOLDER',
    help: 'where jobs are written down that can be gone on with (default: in the state folder of the user)',
    commands: [...GOES_ON, 'jobs', 'cancel'],
  },
  name: {
    kind: 'text',
    value: 'NAME',
    help: 'what an agent or a daemon (default: its host; some characters are added) or a submitted job (default: its function) is called',
    commands: ['agent', 'serve', ...MAPS],
  },
  label: {
    kind: 'labels',
    value: 'LABEL[,LABEL]',
    help: 'labels that this agent offers to jobs that need them, beside host=NAME, os=NAME and arch=NAME',
    commands: ['agent'],
  },
  cache: {
    kind: 'text',
    value: 'FOLDER',
    help: 'where an agent keeps the code of jobs',
    commands: ['agent', 'doctor'],
  },
  drainTimeout: {
    kind: 'seconds',
    value: 'SECONDS',
    help: 'the longest to finish what is held when asked to end (default: 30s)',
    commands: ['agent'],
  },
  endWithStdin: {
    kind: 'flag',
    help: 'end when standard input ends: with whoever started this agent',
    commands: ['agent'],
    hidden: true,
  },
  agents: { kind: 'count', value: 'N', help: 'agents to start (default: 1)', commands: ['up'] },
  port: { kind: 'port', value: 'PORT', help: 'of the NATS server (default: a free one)', commands: ['up'] },
  store: {
    kind: 'text',
    value: 'FOLDER',
    help: 'where the NATS server keeps its state (default: a folder that goes when it ends)',
    commands: ['up'],
  },
  natsServer: {
    kind: 'text',
    value: 'FILE',
    help: 'the nats-server to start (default: the one on PATH)',
    commands: ['up'],
  },
  origin: { kind: 'flag', help: 'say where each value comes from', commands: ['config'] },
  verbose: {
    kind: 'flag',
    short: '-v',
    help: 'stacks of errors, and more',
    commands: [...CALLS, 'resume', 'jobs', 'cancel', ...FIGURES, 'agent', 'up', 'doctor', 'config', 'serve', ...DAEMON],
  },
} as const satisfies Record<string, OptionSpec>

export type OptionKey = keyof typeof OPTIONS
export const OPTION_KEYS = Object.keys(OPTIONS) as OptionKey[]

export const specOf = (key: OptionKey): OptionSpec => OPTIONS[key]
export const optionsOf = (command: string): OptionKey[] =>
  OPTION_KEYS.filter(key => specOf(key).commands.includes(command))

/** The option's name in config files, and its flag without the dashes. */
export const nameOf = (key: OptionKey): string => key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
export const flagOf = (key: OptionKey): string => `--${nameOf(key)}`
export const variableOf = (key: OptionKey): string => `MANYHANDS_${nameOf(key).replaceAll('-', '_').toUpperCase()}`
