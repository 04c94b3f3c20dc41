// The advice of a job's account, from reports of known times.
import test from 'ava'
import { Accounts } from '../../coordinator/accounts.js'
import { NO_SLOT_TIME } from '../../proto/timing.js'

/** The advice of a job on one slot: so many items, so long in the function, so long in all. */
const adviceOf = (items: number, computeSeconds: number, wallSeconds: number): readonly string[] => {
  const accounts = new Accounts({ job: 'j', name: 'f', placement: 'local' })
  accounts.start(0)
  accounts.slots(1, 0)
  accounts.report('a/0', { ...NO_SLOT_TIME, computeSeconds }, items, true, wallSeconds)
  return accounts.receipt(items, 0, wallSeconds).advice
}

test('a job slower than a loop is told by how much, without exponents', t => {
  t.deepEqual(adviceOf(10, 0.0028, 0.4508), [
    'A plain loop would have been 160 times faster: the function takes 280 µs an item, and all else, the start of workers included, took 45 ms an item.',
  ])
  const [advice] = adviceOf(1, 2, 5)
  t.regex(advice ?? '', /2\.5 times faster: the function takes 2 s an item, .* took 3 s an item\.$/)
})

test('a job with nothing to say about a loop gives no advice', t => {
  t.deepEqual(adviceOf(0, 0, 1), [])
  t.deepEqual(adviceOf(1, 2, 2), [])
})
