// What stands behind a command for a daemon. Pure. In: operands. Out: a selector. Always true: several words are one list, as with
// commas between them.
import { Fault } from '../fault.js'

/** Of one job or several; without `otherwise` it has to be said. */
export const selectorOf = (operands: readonly string[], otherwise?: string): string => {
  const said = operands.join(',')
  if (said !== '') return said
  if (otherwise !== undefined) return otherwise
  throw new Fault('MH-USAGE-MISSING', 'there is no job', 'Give its number, an id, a name, 3,5-8, last or all.')
}
