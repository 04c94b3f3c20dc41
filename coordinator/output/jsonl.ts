// One value a line, in standard JSON (proto/plain-json.ts). A failed item is the line `null`, so that line numbers are
// indices; unordered, it is left out. Tagged, a line is {"index":…,"value":…} or
// {"index":…,"failure":{"reason":…,"message":…}}, with "stack" and "stderr" where there are any.
import { toJsonLines } from '../../proto/items.js'
import type { ItemFailure, Outcomes } from '../../proto/outcome.js'
import type { Format, FormatOptions } from './format.js'
import { runsOf } from './runs.js'

export const jsonlFormat = (options: FormatOptions): Format => ({
  encode: outcomes => jsonTexts(outcomes, options),
  end: () => [],
  state: () => null,
})

/** JSON texts of outcomes, each ended by a line feed. */
export function* jsonTexts(outcomes: Outcomes, { tagged, unordered }: FormatOptions): Generator<Uint8Array> {
  for (const run of runsOf(outcomes)) {
    if ('failure' in run) {
      if (tagged) yield Buffer.from(`{"index":${run.failure.index},"failure":${failureText(run.failure)}}\n`)
      else if (!unordered) yield NULL_LINE
    } else if (tagged) yield tag(run.start, Buffer.from(toJsonLines(run.values)).toString())
    else yield toJsonLines(run.values)
  }
}

const NULL_LINE = Buffer.from('null\n')

const tag = (start: number, lines: string): Buffer => {
  const tagged = lines
    .slice(0, -1)
    .split('\n')
    .map((line, nth) => `{"index":${start + nth},"value":${line}}\n`)
  return Buffer.from(tagged.join(''))
}

const failureText = ({ reason, message, stack, stderr }: ItemFailure): string =>
  JSON.stringify({ reason, message, stack, stderr })
