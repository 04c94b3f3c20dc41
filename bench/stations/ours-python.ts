// Our workers in Python, warm. The library has no references to Python modules: this is what the command does, in one
// process that stays.
import { resolveReference } from '../../coordinator/function/reference.js'
import { openRange, range } from '../../coordinator/input/range.js'
import { JOB_DEFAULTS } from '../../coordinator/job.js'
import { openLocal } from '../../coordinator/local.js'
import { DoublesResults } from '../../coordinator/output/results.js'
import { accountOf } from '../receipts.js'
import { ROOT } from '../root.js'
import { serveStation } from './protocol.js'

const hands = openLocal({ slots: 2 })

await serveStation(
  async ({ job, items: { from = 0, count } }) => {
    const began = performance.now()
    const fn = await resolveReference(`bench/functions.py#${job}`, { cwd: ROOT })
    const output = new DoublesResults(count)
    const input = openRange(range(from, from + count))
    const end = await hands.run({ function: fn, operation: 'map', input, output, options: JOB_DEFAULTS })
    const seconds = (performance.now() - began) / 1000
    if (end.state !== 'done') throw new Error(`the job is ${end.state}: ${end.why}`)
    return { seconds, values: output.values(), account: accountOf(end.receipt) }
  },
  () => hands.close(),
)
