// npm run bench -- [--only GROUP,…] [--reps 5] [--full] [--seeds N] [--minutes 15] [--gate 1.3] [--json FILE] [--output FILE]
//                 [--install] [--verbose]
// Ours and the peers, in turns, in one run on one machine: medians with their spread, ratios of medians, goals.
// Out: Markdown on standard output. A whole run also writes bench/results.md, bench/grains.svg and the README's table.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { stableServer } from '../test/support/nats-binaries.js'
import { accounted } from './accounted.js'
import { Gate } from './gate.js'
import { type Bench, type Group, measure } from './group.js'
import { commands } from './groups/commands.js'
import { efficiency } from './groups/efficiency.js'
import { first } from './groups/first.js'
import { forced } from './groups/forced.js'
import { founding } from './groups/founding.js'
import { grains } from './groups/grains.js'
import { pythonFunctions } from './groups/python.js'
import { random } from './groups/random.js'
import { serial } from './groups/serial.js'
import { shards } from './groups/shards.js'
import { tails } from './groups/tails.js'
import { installPeers, Peers } from './peers.js'
import { Receipts } from './receipts.js'
import { type Section, toMarkdown, withBlockOf } from './report.js'
import { Rig } from './rig.js'
import { PYTHON, ROOT } from './root.js'
import type { Samples } from './samples.js'

const GROUPS: readonly Group[] = [
  founding,
  first,
  forced,
  pythonFunctions,
  efficiency,
  tails,
  serial,
  random,
  shards,
  commands,
  grains,
]
const RESULTS = join(ROOT, 'bench/results.md')
const README = join(ROOT, 'README.md')
const CHART = join(ROOT, 'bench/grains.svg')
/** Waiting for quiet moments and doing again, all together. */
const PATIENCE_SECONDS = 90
const PYTHON_TURNS = 2e7
/** Times the minutes asked for; then what is left is left out, and told of. */
const HARD_LIMIT = 1.3

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    reps: { type: 'string', default: '5' },
    full: { type: 'boolean', default: false },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    gate: { type: 'string', default: '1.3' },
    install: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    json: { type: 'string' },
    output: { type: 'string' },
  },
})

const machine = async (): Promise<string> => {
  const processors = cpus()
  const python = execFileSync(PYTHON, ['--version'], { encoding: 'utf8' }).trim()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const nats = `nats-server ${(await stableServer()).version}`
  return `${processors.length} cores, ${processors[0]?.model ?? 'unknown'}, ${memory}, ${process.platform} ${release()}, Node ${process.version}, ${python}, ${nats}`
}

const chosen = (): readonly Group[] => {
  const wanted = options.only?.split(',')
  const unknown = wanted?.find(id => !GROUPS.some(group => group.id === id))
  const known = GROUPS.map(({ id }) => id).join(', ')
  if (unknown !== undefined) throw new Error(`--only: there is no group ${unknown}; there are ${known}`)
  return GROUPS.filter(({ id }) => wanted === undefined || wanted.includes(id))
}

const openBench = (rig: Rig, gate: Gate): Bench => {
  let secondsPerTurn: Promise<number> | undefined
  const calibrate = async (): Promise<number> => {
    const request = { job: 'spin', items: { count: 1, turns: PYTHON_TURNS }, times: 5 } as const
    return (await rig.measure('python loop', request)).seconds / PYTHON_TURNS
  }
  return {
    rig,
    gate,
    peers: new Peers(),
    receipts: new Receipts(),
    repetitions: Number(options.reps),
    grainSeconds: options.full ? 4 : 0.6,
    seeds: Number(options.seeds ?? (options.full ? 200 : 40)),
    pythonTurns: async seconds => {
      secondsPerTurn ??= calibrate()
      return Math.max(1, Math.round(seconds / (await secondsPerTurn)))
    },
    saveChart: svg => {
      if (options.only === undefined) writeFileSync(CHART, svg)
    },
    progress: line => process.stderr.write(`${line}\n`),
    tell: line => {
      if (options.verbose) process.stderr.write(`${line}\n`)
    },
  }
}

const groups = chosen()
if (options.install) await installPeers()
const load = loadavg()[0] ?? 0
const began = performance.now()
const minutes = (): number => (performance.now() - began) / 60_000
const limitMinutes = Number(options.minutes ?? (options.full ? 60 : 15))
/** What runs when the time is up is allowed to end, and each group still to have one repetition. */
const timeLeft = { isEnough: () => minutes() < limitMinutes, isAny: () => minutes() < HARD_LIMIT * limitMinutes }
const gate = new Gate(Number(options.gate), PATIENCE_SECONDS)
const rig = await Rig.open()
// What earlier jobs on this machine taught, perhaps on a busy day, is no part of a run: each begins with nothing remembered.
process.env['MANYHANDS_COSTS'] = join(rig.folder, 'costs.json')
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void rig.close().finally(() => process.exit(130)))
try {
  const bench = openBench(rig, gate)
  const sections: Section[] = []
  const all: Record<string, Samples> = {}
  const cut: string[] = []
  for (const group of groups) {
    const plan = await group.open(bench)
    const { samples, notes: failures, isCut } = await measure(group.id, plan, bench, timeLeft)
    if (isCut) cut.push(group.id)
    all[group.id] = samples
    const notes = [...(plan.leftOut ?? []), ...failures]
    sections.push({ title: group.title, rows: plan.rows(samples), text: plan.text?.(samples) ?? '', notes })
    await rig.clear()
  }
  sections.push({ title: 'Accounted', rows: accounted(bench.receipts), text: '', notes: bench.peers.leftOut })
  const text = toMarkdown(sections, {
    machine: await machine(),
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
    load,
    repetitions: bench.repetitions,
    minutes: minutes(),
    gate,
    cut,
  })
  process.stdout.write(text)
  if (options.output !== undefined) writeFileSync(options.output, text)
  else if (options.only === undefined) {
    writeFileSync(RESULTS, text)
    writeFileSync(README, withBlockOf(readFileSync(README, 'utf8'), text))
  }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`)
} finally {
  await rig.close()
}
