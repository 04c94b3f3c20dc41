// How long `manyhands --help` takes, beside an empty Node: at most 2.5 times as long, or its import graph has grown.
// In: nothing. Out: both medians and their ratio. Runs take turns, so that a busy machine is as unfair to both.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../coordinator/main.js', import.meta.url))
const RUNS = 40

const secondsOf = (args: readonly string[]): number => {
  const started = performance.now()
  spawnSync(process.execPath, args, { stdio: 'ignore' })
  return (performance.now() - started) / 1000
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const empty: number[] = []
const help: number[] = []
for (let run = 0; run < RUNS; run++) {
  empty.push(secondsOf(['-e', '0']))
  help.push(secondsOf([MAIN, '--help']))
}
const [emptyMs, helpMs] = [median(empty) * 1000, median(help) * 1000]
const ratio = (helpMs / emptyMs).toFixed(2)
process.stdout.write(`node -e 0: ${emptyMs.toFixed(1)} ms, manyhands --help: ${helpMs.toFixed(1)} ms, ratio ${ratio}\n`)
