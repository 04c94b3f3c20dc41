// npm run scale -- [--seconds 40] [--shards 1000000] [--output FILE]
// The real coordinator with up to 10,000 simulated slots: how well they are used, and what the coordinator needs for a shard,
// against the number of slots and of shards that were settled. Out: Markdown on standard output and in bench/scale.md.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { evenHosts, runScale, type ScaleResult } from '../test/simulation/scale.js'
import { ROOT } from './root.js'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '40' },
    shards: { type: 'string', default: '1000000' },
    output: { type: 'string', default: join(ROOT, 'bench/scale.md') },
  },
})
const SECONDS = Number(options.seconds)
const SHARDS = Number(options.shards)
const SLOTS = [2, 10, 100, 1000, 10_000]
const GRAINS = [0.001, 0.01, 0.1, 1]
const SPEEDS = [1, 1 / 3, 1 / 10]
const BAR = 40

const tell = (line: string): void => void process.stderr.write(`${line}\n`)
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`
const micro = (seconds: number): string => (seconds * 1e6).toFixed(0)
const grainOf = (seconds: number): string => (seconds < 1 ? `${seconds * 1000} ms` : `${seconds} s`)
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
const bar = (label: string, part: number, figure: string): string =>
  `${label.padEnd(20)} ${'#'.repeat(Math.round(BAR * Math.min(1, part))).padEnd(BAR)} ${figure}`

const even = (slots: number, grain: number, seconds: number): Promise<ScaleResult> =>
  runScale({
    hosts: evenHosts(slots),
    items: Math.round((slots * seconds) / grain),
    workSeconds: (start, end) => (end - start) * grain,
  })

/** Slots against grains. */
const measureSlots = async (): Promise<ScaleResult[][]> => {
  const rows: ScaleResult[][] = []
  for (const slots of SLOTS) {
    const row: ScaleResult[] = []
    for (const grain of GRAINS) {
      row.push(await even(slots, grain, SECONDS))
      tell(`${slots} slots, ${grainOf(grain)}: ${percent((row.at(-1) as ScaleResult).efficiency)}`)
    }
    rows.push(row)
  }
  return rows
}

/** One item a shard, on a hundred slots. */
const measureShards = async (): Promise<ScaleResult[]> => {
  const results: ScaleResult[] = []
  for (let shards = 1000; shards <= SHARDS; shards *= 10) {
    results.push(
      await runScale({
        hosts: evenHosts(100),
        items: shards,
        shardSize: 1,
        workSeconds: (start, end) => (end - start) * 0.1,
      }),
    )
    tell(`${shards} shards: ${micro((results.at(-1) as ScaleResult).secondsPerShard)} us each`)
  }
  return results
}

/** Hosts of three speeds, a third of each; half of the work is done in `SECONDS` by the fast ones alone. */
const measureSpeeds = async (): Promise<ScaleResult[]> => {
  const hosts = Array.from({ length: 24 }, (_, nth) => ({ slots: 8, speed: SPEEDS[nth % 3] as number }))
  const capacity = hosts.reduce((sum, { slots, speed }) => sum + slots * speed, 0)
  const results: ScaleResult[] = []
  for (const grain of GRAINS) {
    // The slowest host needs ten times the grain for one item.
    const seconds = Math.max(SECONDS, 100 * grain)
    const items = Math.round((capacity * seconds) / grain)
    results.push(await runScale({ hosts, items, workSeconds: (start, end) => (end - start) * grain }))
    tell(`three speeds, ${grainOf(grain)}: ${percent((results.at(-1) as ScaleResult).efficiency)}`)
  }
  return results
}

// What is compiled on the way is not to be billed to whoever comes first.
await even(100, 0.01, 10)
const bySlots = await measureSlots()
const byShards = await measureShards()
const bySpeeds = await measureSpeeds()

const at100ms = (row: readonly ScaleResult[]): ScaleResult => row[2] as ScaleResult
const dearest = Math.max(...bySlots.map(row => at100ms(row).secondsPerShard), ...byShards.map(r => r.secondsPerShard))
const text = `# A simulated cluster

Written by \`npm run scale\` (Node ${process.version}, ${cpus()[0]?.model ?? 'unknown'}). The coordinator is the real one, with its codec, ledger,
sizes, window, recalls and account, on a fake clock; agents (eight slots each) pull, run, report and beat as real ones do. A message
takes 0.5 ms one way; a report is served in 100 us of the fake clock, one after the other; workers start in 60 ms. Efficiency is
work / (slots x wall), from the job's begin to its last outcome. Jobs take ${SECONDS} s at best.

## Efficiency against slots

${table(
  ['slots', ...GRAINS.map(grainOf)],
  bySlots.map((row, nth) => [String(SLOTS[nth]), ...row.map(({ efficiency }) => percent(efficiency))]),
)}

\`\`\`
efficiency at 10 ms an item
${bySlots.map((row, nth) => bar(`${SLOTS[nth]} slots`, (row[1] as ScaleResult).efficiency, percent((row[1] as ScaleResult).efficiency))).join('\n')}
\`\`\`

## The coordinator's CPU time a shard

Measured as CPU time of the process while it serves the coordinator, collection of garbage included; items of 100 ms.

${table(
  ['slots', 'shards', 'reports', 'us a shard', 'first fifth', 'last fifth', 'broadcasts, KB/s'],
  bySlots.map((row, nth) => {
    const { shards, reports, secondsPerShard, firstSecondsPerShard, lastSecondsPerShard, broadcastBytesPerSecond } =
      at100ms(row)
    const times = [secondsPerShard, firstSecondsPerShard, lastSecondsPerShard].map(micro)
    return [String(SLOTS[nth]), String(shards), String(reports), ...times, (broadcastBytesPerSecond / 1000).toFixed(1)]
  }),
)}

One item of 100 ms a shard on 100 slots:

${table(
  ['shards settled', 'us a shard', 'first fifth', 'last fifth'],
  byShards.map(({ shards, secondsPerShard, firstSecondsPerShard, lastSecondsPerShard }) => [
    String(shards),
    ...[secondsPerShard, firstSecondsPerShard, lastSecondsPerShard].map(micro),
  ]),
)}

\`\`\`
us a shard
${bySlots.map((row, nth) => bar(`${SLOTS[nth]} slots`, at100ms(row).secondsPerShard / dearest, micro(at100ms(row).secondsPerShard))).join('\n')}
${byShards.map(r => bar(`${r.shards} shards`, r.secondsPerShard / dearest, micro(r.secondsPerShard))).join('\n')}
\`\`\`

Few shards are dearer because broadcasts and beats go on meanwhile, two a second each.

## Hosts of three speeds

24 hosts of 8 slots, a third each at full speed, a third of it and a tenth. Efficiency is work / (slots x speed x wall).

${table(
  ['grain', 'seconds', 'efficiency', 'run twice'],
  bySpeeds.map(({ efficiency, wallSeconds, extra }, nth) => [
    grainOf(GRAINS[nth] as number),
    wallSeconds.toFixed(1),
    percent(efficiency),
    percent(Math.max(0, extra)),
  ]),
)}
`
writeFileSync(options.output, text)
process.stdout.write(text)
