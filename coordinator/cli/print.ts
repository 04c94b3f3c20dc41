// One value as people and programs read it: a line of standard JSON. In: a JavaScript value. Out: its text, with a line
// feed.
import { packLines, toJsonLines } from '../../proto/items.js'
import { Fault } from './fault.js'

export const jsonLineOf = (value: unknown): string => {
  const { items, unpackable } = packLines([value])
  const [problem] = unpackable
  if (problem) throw new Fault('MH-OUTPUT', `the value has no JSON form: ${problem.message}`)
  return Buffer.from(toJsonLines(items)).toString('utf8')
}
