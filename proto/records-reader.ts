// Records as JavaScript objects. In: records. Out: an array of them. Always true: an object is what decodeValue makes of the
// record's line, and shares nothing with another; what the columns cannot say throws.
import type { Members } from './record-shape.js'
import type { Column, Records } from './records.js'
import { stringsOfTexts, valuesOfTexts } from './texts.js'

export const unpackRecords = ({ count, shape, columns }: Records): object[] =>
  shape.build(columns.map(membersOf), count)

const membersOf = (column: Column): Members => {
  switch (column.kind) {
    case 'numbers':
      return smallIntegers(column.values) ?? column.values
    case 'booleans':
      return booleans(column.values)
    case 'strings':
      return stringsOfTexts(column)
    case 'texts':
      return valuesOfTexts(column)
  }
}

/**
 * All as small integers, where they are: an object's member that is one needs no memory of its own, and the user's
 * function computes with it as with one that it made itself.
 */
const smallIntegers = (values: Float64Array): number[] | undefined => {
  const integers = new Array<number>(values.length)
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number
    const integer = value | 0
    if (integer !== value || (integer === 0 && 1 / value < 0)) return undefined
    integers[at] = integer
  }
  return integers
}

const booleans = (values: Uint8Array): boolean[] => {
  const all = new Array<boolean>(values.length)
  for (let at = 0; at < values.length; at++) all[at] = values[at] !== 0
  return all
}
