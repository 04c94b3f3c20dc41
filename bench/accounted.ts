// Whether every core-second of every job of the run has a name. In: all receipts. Out: rows. Pure.
import type { Receipts } from './receipts.js'
import { percent, type Row, time } from './table.js'

const LEAST = 0.99
/** So many of the places where it is missed are named. */
const SHOWN = 5

export const accounted = (receipts: Receipts): Row[] => {
  const { worst, count } = receipts
  if (worst === undefined) return []
  const missed = receipts.below(LEAST)
  const places = [...new Set(missed.map(({ from }) => from))]
  const shown = places.slice(0, SHOWN).join('; ')
  const rest = places.length > SHOWN ? `; and ${places.length - SHOWN} more` : ''
  return [
    {
      title: 'accounted core-seconds, every job of this run',
      figure: `at least ${percent(worst.account.accounted)}; ${missed.length} of ${count} jobs below 99 %`,
      goal: { text: `>= ${percent(LEAST)}`, isMet: missed.length === 0 },
    },
    { title: 'the least accounted one', figure: `${worst.from}, ${time(worst.account.wallSeconds)}` },
    ...(missed.length > 0 ? [{ title: 'below 99 %', figure: `${shown}${rest}` }] : []),
  ]
}
