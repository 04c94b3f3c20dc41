// Outcomes: as a desk gives them, and as control.proto does. In: the one. Out: the other. Pure. Always true: what went there and back is what
// it was, whatever form its values had; no message is much longer than what clients take, but for one value that is.
import type * as wire from '../proto/gen/control.js'
import { EMPTY_ITEMS, type Items, sizeOf, toTexts } from '../proto/items.js'
import type { FailureReason, ItemFailure, Outcomes } from '../proto/outcome.js'
import { bufferOf, lineFeedsIn } from '../proto/texts.js'
import { outcomesBytes, sliceOutcomes } from './gather.js'

/** Results of one message; smaller: more messages. Larger: more memory, and what other clients refuse by default (4 MiB). */
const RESULT_BYTES = 1024 * 1024

/** A descriptor of 16 bytes stands for any number of items. */
const ITEMS_OF_A_RANGE = 32 * 1024

export const failureToWire = ({ index, reason, message, stack, stderr }: ItemFailure): wire.ItemFailure => ({
  index: BigInt(index),
  reason,
  message,
  stack: stack ?? '',
  stderr: stderr ?? '',
})

export const failureOfWire = ({ index, reason, message, stack, stderr }: wire.ItemFailure): ItemFailure => ({
  index: Number(index),
  reason: reason as FailureReason,
  message,
  ...(stack !== '' && { stack }),
  ...(stderr !== '' && { stderr }),
})

/** Messages of about RESULT_BYTES; a value that is longer by itself is alone in its own. */
export function* outcomesToWire(outcomes: Outcomes, acceptsF64: boolean): Generator<wire.ResultsResponse> {
  const { start, end, values, failures } = outcomes
  // As text, packed numbers take three times what they do here.
  const most = values.form === 'json' || (values.form === 'f64' && acceptsF64) ? RESULT_BYTES : RESULT_BYTES / 3
  const items = end - start
  if (
    items > 1 &&
    (outcomesBytes(outcomes) > most || (!acceptsF64 && sizeOf(values) < items && items > ITEMS_OF_A_RANGE))
  ) {
    const middle = start + (items >>> 1)
    yield* outcomesToWire(sliceOutcomes(outcomes, { start, end: middle }), acceptsF64)
    yield* outcomesToWire(sliceOutcomes(outcomes, { start: middle, end }), acceptsF64)
    return
  }
  yield {
    startIndex: BigInt(start),
    endIndex: BigInt(end),
    values: valuesToWire(values, acceptsF64),
    failures: failures.map(failureToWire),
  }
}

const valuesToWire = (values: Items, acceptsF64: boolean): wire.ResultsResponse['values'] => {
  if (values.form !== 'f64' || !acceptsF64) return { $case: 'jsonLines', value: toTexts(values).text }
  const { buffer, byteOffset, byteLength } = values.values
  return { $case: 'f64', value: new Uint8Array(buffer, byteOffset, byteLength) }
}

const valuesOfWire = (values: wire.ResultsResponse['values']): Items => {
  if (values === undefined) return EMPTY_ITEMS
  if (values.$case === 'jsonLines') {
    const text = bufferOf(values.value)
    return { form: 'json', count: lineFeedsIn(text, 0), text }
  }
  // A view would have to begin at a multiple of eight.
  const doubles = new Float64Array(values.value.byteLength / 8)
  new Uint8Array(doubles.buffer).set(values.value)
  return { form: 'f64', values: doubles }
}

export const outcomesOfWire = ({ startIndex, endIndex, values, failures }: wire.ResultsResponse): Outcomes => ({
  start: Number(startIndex),
  end: Number(endIndex),
  values: valuesOfWire(values),
  failures: failures.map(failureOfWire),
})
