import test from 'ava'
import { simulate } from './simulate.js'

const SEEDS = 2000
/** On a slow machine fewer seeds are played, but never none. */
const LONGEST_SECONDS = 15
/** Of all seeds together: what kills, losses and wrong suspicions may cost. */
const MOST_EXTRA = 0.05

test(`every job of ${SEEDS} seeds ends with the right outcomes, whatever goes wrong`, t => {
  const until = performance.now() + LONGEST_SECONDS * 1000
  let items = 0
  let executions = 0
  let seed = 1
  for (; seed <= SEEDS && performance.now() < until; seed++) {
    try {
      const played = simulate(seed)
      items += played.items
      executions += played.executions
    } catch (error) {
      t.fail(`npm run sim -- --seed ${seed}: ${(error as Error).message}`)
      return
    }
  }
  t.log(`${seed - 1} seeds, ${items} items, ${executions} executions`)
  t.true(executions < items * (1 + MOST_EXTRA), 'far more was run than was needed')
})

test('a seed replays exactly', t => {
  for (const seed of [3, 17, 1234]) t.deepEqual(simulate(seed), simulate(seed))
})
