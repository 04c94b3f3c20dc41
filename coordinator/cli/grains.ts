// Tasks of a wanted duration, and how long they take in a plain loop. In: a runner, durations. Out: functions that compute for
// about so long, each with what it takes a loop of its own language. Always true: they count to a number and never look at a
// clock, so that a core that is shared shows as time lost.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { lookUp } from '../../agent/runner/path.js'
import type { JobFunction } from '../function/function.js'

export type GrainRunner = 'node' | 'python'

export interface Grain {
  readonly fn: JobFunction
  /** A call and what it does, on a processor, in a plain loop that keeps the results; the best of several. */
  readonly taskSeconds: number
}

const nodeSource = (rounds: number): string =>
  `export default item => { let x = item | 0; for (let round = 0; round < ${rounds}; round++) ` +
  'x = (Math.imul(x, 1664525) + 1013904223) | 0; return x }\n'

const pythonSource = (rounds: number): string =>
  `def spin(item):\n    x = item\n    for _ in range(${rounds}):\n        x = (x * 1664525 + 1013904223) & 0x7fffffff\n    return x\n`

const functionOf = (runner: GrainRunner, rounds: number): JobFunction => {
  const isNode = runner === 'node'
  const path = isNode ? 'spin.mjs' : 'spin.py'
  const content = new TextEncoder().encode(isNode ? nodeSource(rounds) : pythonSource(rounds))
  return { runner, name: 'spin', bundle: [{ path, content }], entry: path, function: isNode ? 'default' : 'spin' }
}

/** A loop is measured so often, each time for about so long; other processes only make it longer. */
const LOOPS = 5
const LOOP_SECONDS = 0.02

const nodeLoop = async (rounds: number): Promise<number> => {
  const module = (await import(`data:text/javascript,${encodeURIComponent(nodeSource(rounds))}`)) as {
    default: (item: number) => number
  }
  const spin = module.default
  let best = Number.POSITIVE_INFINITY
  let calls = 1
  for (let nth = 0; nth < LOOPS; ) {
    const results: number[] = []
    const before = process.cpuUsage()
    for (let item = 0; item < calls; item++) results.push(spin(item))
    const { user, system } = process.cpuUsage(before)
    const seconds = (user + system) / 1e6
    // Too few calls to be measured; meanwhile the compiler has its look at them.
    if (seconds < LOOP_SECONDS / 2) calls = Math.ceil(calls * Math.min(8, LOOP_SECONDS / (seconds + 1e-6)))
    else {
      best = Math.min(best, seconds / calls)
      nth++
    }
  }
  return best
}

const PYTHON_LOOPS = `
import json, sys, time
answers = []
for source in json.load(sys.stdin):
    names = {}
    exec(source, names)
    spin = names['spin']
    calls, best, nth = 1, float('inf'), 0
    while nth < ${LOOPS}:
        results = []
        began = time.process_time()
        for item in range(calls):
            results.append(spin(item))
        seconds = time.process_time() - began
        if seconds < ${LOOP_SECONDS / 2}:
            calls = int(calls * min(8, ${LOOP_SECONDS} / (seconds + 1e-6))) + 1
        else:
            best = min(best, seconds / calls)
            nth += 1
    answers.append(best)
print(json.dumps(answers))
`

const pythonLoops = async (rounds: readonly number[]): Promise<number[]> => {
  const wanted = process.env.MANYHANDS_PYTHON || 'python3'
  const file = lookUp(wanted, process.env.PATH)
  if (file === undefined) throw new Error(`there is no ${wanted} on PATH`)
  const running = promisify(execFile)(file, ['-c', PYTHON_LOOPS], { timeout: 30_000 })
  running.child.stdin?.end(JSON.stringify(rounds.map(pythonSource)))
  return JSON.parse((await running).stdout) as number[]
}

const loopsOf = async (runner: GrainRunner, rounds: readonly number[]): Promise<number[]> => {
  if (runner === 'python') return pythonLoops(rounds)
  const seconds: number[] = []
  for (const count of rounds) seconds.push(await nodeLoop(count))
  return seconds
}

const FIRST_ROUNDS = 10_000

/** One function a wanted duration, longest first; those shorter than an empty call are left out. */
export const grainsOf = async (runner: GrainRunner, wantedSeconds: readonly number[]): Promise<Grain[]> => {
  const [empty = 0, long = 0] = await loopsOf(runner, [0, FIRST_ROUNDS])
  const roundSeconds = Math.max((long - empty) / FIRST_ROUNDS, 1e-11)
  const rounds = wantedSeconds
    .filter(seconds => seconds > empty)
    .map(seconds => Math.round((seconds - empty) / roundSeconds))
  const seconds = await loopsOf(runner, rounds)
  return rounds
    .map((count, nth) => ({ fn: functionOf(runner, count), taskSeconds: seconds[nth] as number }))
    .sort((a, b) => b.taskSeconds - a.taskSeconds)
}
