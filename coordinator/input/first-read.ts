// When a job begins to read: whoever waits for its workers knows then that the way to them is open. In: an input. Out: the same
// input. Always true: it is told once, before the first read.
import type { Input } from './input.js'

export const onFirstRead = (input: Input, tell: () => void): Input => {
  let isTold = false
  return {
    get count() {
      return input.count
    },
    next: (maxItems, maxBytes) => {
      if (!isTold) tell()
      isTold = true
      return input.next(maxItems, maxBytes)
    },
    close: () => input.close(),
  }
}
