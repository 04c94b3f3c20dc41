// Memory for a part's results while they are numbers. In: how many may come. Out: memory for them, which comes back when its
// contents have left the process: fresh memory costs more than what is written into it. Always true: what is handed out is
// nobody else's until it is given back.

/** Of one message. Larger: more waits, and more is lost with a worker. Smaller: more messages. */
export const FLUSH_BYTES = 1024 * 1024
/** So many fit into a message. */
export const NUMBERS = FLUSH_BYTES / 8
/** Fewer numbers than this are copied on their way out, so that their memory is free at once. */
const FEW_NUMBERS = 1024
/** Larger: more memory is kept by a worker whose results have long been no numbers. */
const MOST_SPARE = 4

const spare: Float64Array[] = []

export const takeNumbers = (count: number): Float64Array =>
  count <= FEW_NUMBERS ? new Float64Array(count) : (spare.pop() ?? new Float64Array(NUMBERS))

export const giveNumbers = (numbers: Float64Array): void => {
  if (numbers.length === NUMBERS && spare.length < MOST_SPARE) spare.push(numbers)
}
