// Whether a job can be what was asked for, and an agent. In: a JobAsked, a number of slots, from anywhere. Out: nothing, or a
// DeskError that names the field, what was expected and what was got. Always true: what passes here is refused by no part behind it
// for its form.

import { isLabel, MOST_PRIORITY, MOST_WEIGHT } from '../../proto/labels.js'
import { MOST_WISHED_SLOTS } from '../../proto/presence.js'
import type { RunnerName } from '../../proto/shard.js'
import { isConcurrency, MOST_CONCURRENCY } from '../concurrency.js'
import { Range } from '../input/range.js'
import { DeskError, type JobAsked } from './desk.js'

const RUNNERS: readonly RunnerName[] = ['node', 'python', 'exec']
const MOST_NEEDS = 32
const NAME_CHARACTERS = 200

type Check = readonly [
  field: string,
  expected: string,
  isGood: (asked: JobAsked) => boolean,
  got: (asked: JobAsked) => unknown,
]

const isWhole = (value: number | undefined, least: number, most = Number.MAX_SAFE_INTEGER): boolean =>
  value === undefined || (Number.isInteger(value) && value >= least && value <= most)

const CHECKS: readonly Check[] = [
  [
    'name',
    `1 to ${NAME_CHARACTERS} characters`,
    ({ name }) => name.length > 0 && name.length <= NAME_CHARACTERS,
    ({ name }) => name,
  ],
  ['runner', RUNNERS.join(', '), ({ runner }) => RUNNERS.includes(runner), ({ runner }) => runner],
  [
    'command',
    'a command for the runner exec, and for no other',
    ({ runner, command = [] }) => (runner === 'exec') === command.length > 0,
    ({ command }) => command,
  ],
  ['command', 'words without NUL', ({ command = [] }) => !command.some(word => word.includes('\0')), () => 'a NUL'],
  ['function', 'a name', asked => asked.runner === 'exec' || asked.function !== '', ({ function: name }) => name],
  [
    'shared_format',
    'none without init',
    ({ shared, init }) => shared === undefined || init !== undefined,
    ({ shared }) => shared,
  ],
  [
    'timeout_seconds',
    'seconds above 0',
    ({ timeoutSeconds: seconds }) => seconds === undefined || (seconds > 0 && Number.isFinite(seconds)),
    asked => asked.timeoutSeconds,
  ],
  ['retries', 'a whole number of 0 or more', ({ retries }) => isWhole(retries, 0), ({ retries }) => retries],
  ['shard_size', 'a whole number of 1 or more', ({ shardSize }) => isWhole(shardSize, 1), ({ shardSize }) => shardSize],
  [
    'concurrency',
    `a whole number from 1 to ${MOST_CONCURRENCY}`,
    ({ concurrency }) => concurrency === undefined || isConcurrency(concurrency),
    ({ concurrency }) => concurrency,
  ],
  [
    'weight',
    `a whole number from 1 to ${MOST_WEIGHT}`,
    ({ weight }) => isWhole(weight, 1, MOST_WEIGHT),
    ({ weight }) => weight,
  ],
  [
    'priority',
    `a whole number from ${-MOST_PRIORITY} to ${MOST_PRIORITY}`,
    ({ priority }) => isWhole(priority, -MOST_PRIORITY, MOST_PRIORITY),
    ({ priority }) => priority,
  ],
  ['max_slots', 'a whole number of 1 or more', ({ maxSlots }) => isWhole(maxSlots, 1), ({ maxSlots }) => maxSlots],
  [
    'needs',
    `at most ${MOST_NEEDS} labels such as gpu or host=alpha`,
    ({ needs = [] }) => needs.length <= MOST_NEEDS && needs.every(label => isLabel(label)),
    ({ needs }) => needs,
  ],
  [
    'max_failures',
    'a number of items, or a fraction from 0 to 1',
    ({ maxFailures: limit }) =>
      limit === undefined || ('count' in limit ? isWhole(limit.count, 0) : limit.fraction >= 0 && limit.fraction <= 1),
    asked => JSON.stringify(asked.maxFailures),
  ],
]

/** Of an agent. */
export const checkSlots = (slots: number): void => {
  if (!isWhole(slots, 1, MOST_WISHED_SLOTS))
    throw new DeskError('ASKED', `slots: expected a whole number from 1 to ${MOST_WISHED_SLOTS}, got ${slots}`, {
      field: 'slots',
    })
}

export const checkAsked = (asked: JobAsked): void => {
  for (const [field, expected, isGood, got] of CHECKS)
    if (!isGood(asked))
      throw new DeskError('ASKED', `${field}: expected ${expected}, got ${String(got(asked)).slice(0, 80)}`, { field })
  const { input } = asked
  if ('format' in input) return
  try {
    new Range(input.start, input.end, input.step)
  } catch (error) {
    throw new DeskError('ASKED', (error as Error).message, { field: 'range', cause: error })
  }
}
