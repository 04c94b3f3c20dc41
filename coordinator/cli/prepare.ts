// What map and reduce do before their job starts, in this order: what costs nothing to check, what reads files, what
// starts processes. In: an invocation. Out: the request but for what is done with the values, the hands, and how to speak.
import type { RunnerName } from '../../proto/shard.js'
import { monotonicSeconds } from '../../proto/timing.js'
import type { Hands, JobRequest, Shared } from '../job.js'
import type { Invocation } from './command.js'
import type { Conduct } from './conduct.js'
import { Fault } from './fault.js'
import { checkInput, inputOf } from './items.js'
import { checkFiles, functionOf, jobOptionsOf, receiptFileOf, sharedOf } from './job.js'
import { openHands, type Place, placeOf } from './place.js'
import { openProgress } from './progress.js'
import type { Settings } from './settings.js'

/** What a job that goes on brings with it: its code as it was, whatever became of the sources. */
export interface Given {
  readonly function: JobRequest['function']
  readonly shared?: Shared
}

export interface Prepared {
  readonly request: Omit<JobRequest, 'operation' | 'output' | 'shared'> & Pick<Given, 'shared'>
  /** Reports of this job are kept in this file as well, where workers are this machine's. */
  keepReports(job: string, file: string): void
  readonly hands: Hands
  readonly conduct: Omit<Conduct, 'start'>
}

// After `| head`: on this machine too short to be noticed at the prompt, since everything dies with us; on a cluster long
// enough to take the job's queue away, which would stay on the server.
const HANGUP_SECONDS = { inline: 0.3, local: 0.3, cluster: 3 } as const

const waitingHintOf = (place: Place): string | undefined =>
  place.place === 'cluster' ? `start one with: manyhands agent --nats ${place.nats.display}` : undefined

/** What will run the function, as far as its name tells before it is read. */
const runnerOf = (operands: readonly string[], rest: readonly string[] | undefined): RunnerName => {
  if (rest !== undefined) return 'exec'
  return /\.py(#|$)/.test(operands[0] ?? '') ? 'python' : 'node'
}

/** Opens the hands and starts the first worker, the baseline, while the function is still being bundled. */
const openEarly = async (
  settings: Settings,
  place: Place,
  runner: RunnerName,
  print: (line: string) => void,
  reportFile: (job: string) => string | undefined,
): Promise<Hands> => {
  const hands = await openHands(settings, place, print, { runner, reportFile })
  if (place.place !== 'local') return hands
  // Nobody waits for it: what is known by the time that further workers are thought of is early enough.
  import('./remembered.js').then(({ recallStart }) => recallStart(settings, runner)).catch(() => {})
  return hands
}

/** `writesValues`: values go to standard output while the job runs, unless --output says otherwise. */
export const prepare = async (invocation: Invocation, writesValues: boolean, given?: Given): Promise<Prepared> => {
  const { settings, operands, rest } = invocation
  await checkInput(settings)
  const place = placeOf(settings)
  const options = jobOptionsOf(settings)
  checkFiles(settings)
  const receiptFile = receiptFileOf(settings)
  const shared = given === undefined ? sharedOf(settings) : given.shared
  const { stderr, stdout, env } = process
  let print = (line: string): void => {
    stderr.write(`${line}\n`)
  }
  const reportFiles = new Map<string, string>()
  const runner = given?.function.runner ?? runnerOf(operands, rest)
  const opening = openEarly(
    settings,
    place,
    runner,
    line => print(line),
    job => reportFiles.get(job),
  )
  // Its fault is the second one: a function that cannot be used is told first.
  opening.catch(() => {})
  const abandon = async (error: unknown): Promise<never> => {
    await opening.then(hands => hands.close()).catch(() => {})
    throw error
  }
  const fn = given?.function ?? (await functionOf(settings, { operands, rest }).catch(abandon))
  if (place.place === 'inline' && fn.runner !== 'node') {
    await abandon(
      new Fault(
        'MH-USAGE-VALUE',
        `${settings.at('place')} is inline, but ${fn.name} is no JavaScript: the command cannot run it itself`,
        'Available for it: local (this machine), cluster (with --nats URL), auto.',
      ),
    )
  }
  const input = await inputOf(settings).catch(abandon)
  const quiet = settings.isOn('quiet')
  const progress = await openProgress({
    name: fn.name,
    stream: stderr,
    quiet,
    clock: monotonicSeconds,
    env,
    isShared: writesValues && (settings.get('output') ?? '-') === '-' && stdout.isTTY,
    waitingHint: waitingHintOf(place),
  })
  print = line => progress.print(line)
  const hands = await opening.catch(async error => {
    progress.stop()
    await input.close()
    throw error
  })
  const close = async (): Promise<void> => {
    progress.stop()
    await hands.close()
    await input.close()
  }
  return {
    request: { function: fn, input, options, ...(shared === undefined ? {} : { shared }) },
    hands,
    keepReports: (job, file) => void reportFiles.set(job, file),
    conduct: {
      close,
      hangupSeconds: HANGUP_SECONDS[place.place],
      progress,
      total: input.count,
      tagged: settings.isOn('tagged'),
      quiet,
      verbose: settings.isOn('verbose'),
      json: settings.isOn('json'),
      receiptFile,
      requirements: settings.get('require'),
      onDone: async end => (await import('./remembered.js')).rememberJob(settings, fn, end),
      stdout,
      stderr,
      env,
    },
  }
}
