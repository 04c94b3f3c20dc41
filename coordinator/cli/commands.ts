// The table of commands: names, help texts, examples, and where each one's code is. Nothing is imported until it is used,
// so that `--help` stays quick.
import type { Command } from './command.js'

export interface CommandSpec {
  readonly name: string
  readonly summary: string
  /** As commander declares them. */
  readonly operands: readonly { readonly name: string; readonly help: string }[]
  readonly usage: string
  readonly examples: readonly string[]
  readonly load: () => Promise<Command>
}

const FUNCTION = {
  name: '[function]',
  help: 'file.ts#name, file.js#name, file.py#name, or a built-in such as Math.sqrt',
}

const JOB = {
  name: '[job]',
  help: 'its name, the beginning of it that no other has, or last (default: last)',
}

const DAEMON_JOB = "a daemon's: its number, its id or the beginning of it, its name, or last (default: last)"

const DAEMON_JOBS = { name: '[jobs...]', help: `${DAEMON_JOB}; also several: 3,5-8, all` }

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'map',
    summary: 'call a function, or a command, once for each item',
    operands: [FUNCTION],
    usage: 'FUNCTION [options]\n       manyhands map [options] -- COMMAND [ARG|{}]...',
    examples: [
      'manyhands map Math.sqrt --range 10..5_000_000 --output roots.f64',
      'manyhands map resize.ts#resize --input images.jsonl --output sizes.jsonl --tagged',
      "manyhands map --glob 'scans/*.tif' -- tesseract {} stdout",
    ],
    load: async () => (await import('./map.js')).map,
  },
  {
    name: 'submit',
    summary: 'hand a map over to a coordinator daemon, and wait for nothing',
    operands: [FUNCTION],
    usage: 'FUNCTION [options]\n       manyhands submit [options] -- COMMAND [ARG|{}]...',
    examples: [
      'manyhands submit slow.py#score --input rows.jsonl --coordinator 127.0.0.1:4270',
      'manyhands results "$(manyhands submit Math.sqrt --range 0..100)"',
    ],
    load: async () => (await import('./remote/submit.js')).submit,
  },
  {
    name: 'watch',
    summary: "say how far a daemon's jobs are, until they have ended",
    operands: [DAEMON_JOBS],
    usage: '[JOB...] [options]',
    examples: ['manyhands watch', 'manyhands watch 12 --json'],
    load: async () => (await import('./remote/watch.js')).watch,
  },
  {
    name: 'results',
    summary: "write what a daemon's job gives",
    operands: [{ name: '[job]', help: DAEMON_JOB }],
    usage: '[JOB] [options]',
    examples: ['manyhands results 12 --output scores.jsonl', 'manyhands results last --settled-only --tagged'],
    load: async () => (await import('./remote/results.js')).results,
  },
  {
    name: 'resume',
    summary: 'go on with a map that was ended before its last item, however it was',
    operands: [JOB, { name: '[function]', help: 'with --retry-failed: what runs the failed items now' }],
    usage: '[JOB] [options]\n       manyhands resume JOB FUNCTION --retry-failed',
    examples: [
      'manyhands resume',
      'manyhands resume nightly --slots 8',
      'manyhands resume nightly mended.ts#score --retry-failed',
    ],
    load: async () => (await import('./resume.js')).resume,
  },
  {
    name: 'jobs',
    summary: 'list the jobs of this machine that can be gone on with, or those of a daemon',
    operands: [{ name: '[jobs...]', help: "of a daemon's: show all that is known of these" }],
    usage: '[options]\n       manyhands jobs [JOB...] --coordinator HOST:PORT',
    examples: ['manyhands jobs', 'manyhands jobs --coordinator 127.0.0.1:4270 --json', 'manyhands jobs 12'],
    load: async () => (await import('./jobs.js')).jobs,
  },
  {
    name: 'cancel',
    summary: "give up a job that could be gone on with, and what was written of it; end a daemon's job",
    operands: [
      {
        name: '<jobs...>',
        help: "its name, the beginning of it that no other has, or last; of a daemon's also 3,5-8, all",
      },
    ],
    usage: 'JOB [options]\n       manyhands cancel JOB... --coordinator HOST:PORT [--reason TEXT]',
    examples: ['manyhands cancel nightly', 'manyhands cancel last', "manyhands cancel 3,5-8 --reason 'wrong input'"],
    load: async () => (await import('./cancel.js')).cancel,
  },
  {
    name: 'forget',
    summary: "drop a daemon's jobs that have ended, and their results",
    operands: [{ ...DAEMON_JOBS, name: '<jobs...>' }],
    usage: 'JOB... [options]',
    examples: ['manyhands forget 12', 'manyhands forget 3,5-8'],
    load: async () => (await import('./remote/jobs.js')).forget,
  },
  {
    name: 'reduce',
    summary: 'fold all items into one value with an associative function of two',
    operands: [FUNCTION],
    usage: 'FUNCTION [options]',
    examples: [
      'manyhands reduce sums.ts#add --range 0..1_000_000',
      'manyhands reduce words.py#merge --map count --input book.txt --initial {}',
    ],
    load: async () => (await import('./reduce.js')).reduce,
  },
  {
    name: 'run',
    summary: 'call a function once, in a worker process of its own',
    operands: [FUNCTION, { name: '[arguments...]', help: 'JSON values; a text that is not JSON is taken as a string' }],
    usage: 'FUNCTION [JSON-ARGUMENT...] [options]',
    examples: ["manyhands run sort.py#bubble_sort '[5,2,9,1]'", 'manyhands run greet.ts#greet world \'{"loud":true}\''],
    load: async () => (await import('./run.js')).run,
  },
  {
    name: 'explain',
    summary: 'predict what a job would take inline, on this machine and on a cluster',
    operands: [FUNCTION],
    usage: 'FUNCTION [options]\n       manyhands explain [options] -- COMMAND [ARG|{}]...',
    examples: [
      'manyhands explain resize.ts#resize --input images.jsonl',
      "manyhands explain slow.py#score --range 0..100_000 --nats nats://127.0.0.1:4222 --require 'speedup>=4'",
    ],
    load: async () => (await import('./explain.js')).explain,
  },
  {
    name: 'agent',
    summary: 'lend the cores of this machine to the jobs on a NATS server',
    operands: [],
    usage: '--nats URL [options]',
    examples: ['manyhands agent --nats tls://nats.example.org:4222 --slots 6'],
    load: async () => (await import('./agent.js')).agent,
  },
  {
    name: 'agents',
    summary: 'list the agents of a daemon, or set how many slots one lends',
    operands: [
      { name: '[set]', help: 'the word set' },
      { name: '[name]', help: "the agent's name, or the beginning of it that no other has" },
    ],
    usage: '[options]\n       manyhands agents set NAME --slots N',
    examples: ['manyhands agents --coordinator 127.0.0.1:4270', 'manyhands agents set alpha --slots 2'],
    load: async () => (await import('./remote/agents.js')).agents,
  },
  {
    name: 'drain',
    summary: 'have an agent finish what it holds, and end',
    operands: [{ name: '<name>', help: "the agent's name, or the beginning of it that no other has" }],
    usage: 'NAME [options]',
    examples: ['manyhands drain alpha'],
    load: async () => (await import('./remote/agents.js')).drain,
  },
  {
    name: 'serve',
    summary: 'a coordinator daemon: it has the jobs that are submitted to it, and needs nobody to wait for them',
    operands: [],
    usage: '--nats URL [options]',
    examples: [
      'manyhands serve --nats nats://127.0.0.1:4222',
      'manyhands serve --nats tls://nats.example.org:4222 --replicas 3',
    ],
    load: async () => (await import('./serve.js')).serve,
  },
  {
    name: 'up',
    summary: 'a whole cluster on this machine: a NATS server and agents',
    operands: [],
    usage: '[options]',
    examples: ['manyhands up --agents 2 --slots 2'],
    load: async () => (await import('./up.js')).up,
  },
  {
    name: 'bench',
    summary: 'measure how short tasks may be here, or on a cluster, before handing them over costs more',
    operands: [],
    usage: '[options]',
    examples: ['manyhands bench', 'manyhands bench --nats nats://127.0.0.1:4222 --json'],
    load: async () => (await import('./bench.js')).bench,
  },
  {
    name: 'doctor',
    summary: 'check this machine, and a NATS server, for what manyhands needs',
    operands: [],
    usage: '[options]',
    examples: ['manyhands doctor', 'manyhands doctor --nats nats://127.0.0.1:4222'],
    load: async () => (await import('./doctor.js')).doctor,
  },
  {
    name: 'config',
    summary: 'show what options are set to: `config show`, with --origin by whom',
    operands: [
      { name: '<show>', help: 'the word show' },
      { name: '[command]', help: 'for this command (default: map)' },
    ],
    usage: 'show [COMMAND] [--origin]',
    examples: ['manyhands config show --origin', 'manyhands config show agent'],
    load: async () => (await import('./config.js')).config,
  },
]
