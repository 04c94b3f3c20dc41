// The simulation from the command line: npm run sim -- --seeds N [--seed S] [--bail]. In: seeds. Out: what they showed; the first
// seed that broke a promise, and exit code 1. A seed alone replays exactly.
import { parseArgs } from 'node:util'
import { simulate } from './simulate.js'

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, seed: { type: 'string' }, bail: { type: 'boolean' } },
})
const first = Number(values.seed ?? 1)
const count = Number(values.seeds ?? (values.seed === undefined ? 2000 : 1))
const faults = new Map<string, number>()
let failed = 0
let jobs = 0
let items = 0
let executions = 0
const began = performance.now()
for (let seed = first; seed < first + count; seed++) {
  try {
    const played = simulate(seed)
    jobs += played.jobs
    items += played.items
    executions += played.executions
    for (const [kind, times] of played.faults) faults.set(kind, (faults.get(kind) ?? 0) + times)
    if (count === 1) console.log(played)
  } catch (error) {
    failed++
    if (failed <= 10) console.log(`seed ${seed}: ${count === 1 ? (error as Error).stack : (error as Error).message}`)
    if (values.bail) break
  }
}
const seconds = (performance.now() - began) / 1000
const extra = items === 0 ? 0 : (100 * (executions - items)) / items
console.log(`${count} seeds, ${failed} failed, ${jobs} jobs, ${Math.round(count / seconds)} seeds/s`)
console.log(`${items} items, ${executions} executions (${extra.toFixed(1)} % extra)`)
for (const [kind, times] of [...faults].sort(([, a], [, b]) => b - a))
  console.log(`${String(times).padStart(8)}  ${kind}`)
process.exitCode = failed > 0 ? 1 : 0
