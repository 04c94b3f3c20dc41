// npm run bench -- [--only GROUP,…] [--reps 5] [--gate 1.3] [--json FILE] [--output FILE]
// Ours and the peers, in turns, in one run on one machine: medians with their spread, and ratios of medians.
// Out: Markdown on standard output and in bench/results.md; the samples as JSON where asked for.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { stableServer } from '../test/support/nats-binaries.js'
import { type Group, groupsOf } from './cases.js'
import { Gate } from './gate.js'
import { PYTHON, Rig, ROOT } from './rig.js'
import { Samples, toMarkdown } from './table.js'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    reps: { type: 'string', default: '5' },
    gate: { type: 'string', default: '1.3' },
    json: { type: 'string' },
    output: { type: 'string', default: join(ROOT, 'bench/results.md') },
  },
})

/** All cases of the group in turns, `repetitions` times, after one warm-up of what stays warm. */
const measure = async (group: Group, repetitions: number, gate: Gate): Promise<Samples> => {
  const samples = new Samples()
  for (const each of group.cases) {
    if (!each.warm) continue
    await each.run()
    await each.run()
  }
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    for (const each of group.cases) samples.add(each.id, await gate.run(() => each.run()))
    process.stderr.write(`${group.id}: ${repetition} of ${repetitions}\n`)
  }
  return samples
}

const machine = async (): Promise<string> => {
  const processors = cpus()
  const python = execFileSync(PYTHON, ['--version'], { encoding: 'utf8' }).trim()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const nats = `nats-server ${(await stableServer()).version}`
  return `${processors.length} cores, ${processors[0]?.model ?? 'unknown'}, ${memory}, ${process.platform} ${release()}, Node ${process.version}, ${python}, ${nats}`
}

const gate = new Gate(Number(options.gate))
const rig = await Rig.open()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void rig.close().finally(() => process.exit(130)))
try {
  const wanted = options.only?.split(',')
  const groups = groupsOf(rig, gate).filter(({ id }) => wanted === undefined || wanted.includes(id))
  if (groups.length === 0) throw new Error(`--only ${options.only}: expected efficiency, items, roots or start`)
  const repetitions = Number(options.reps)
  const tables: string[] = []
  const all: Record<string, Samples> = {}
  for (const group of groups) {
    const samples = await measure(group, repetitions * (group.times ?? 1), gate)
    all[group.id] = samples
    tables.push(toMarkdown(group.title, group.rows(samples)))
  }
  const text = [
    '# Measured\n',
    `Machine: ${await machine()}.\n`,
    `Made by \`npm run bench -- ${process.argv.slice(2).join(' ')}\`: ${repetitions} repetitions, all cases of a table in turns; ${gate.again} were done again because the machine was slow, ${gate.slow} were taken although it was.\n`,
    ...tables,
  ].join('\n')
  process.stdout.write(text)
  writeFileSync(options.output, text)
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(all, null, 2)}\n`)
} finally {
  await rig.close()
}
