// How many items a worker has in progress at once, as people say it. In: a number, 'auto', or nothing. Out: the number, or
// undefined where it is left to the worker; what is neither throws.

/** More would be a mistake in typing: each is a call in progress, or a process, in each worker. */
export const MOST_CONCURRENCY = 10_000

export const isConcurrency = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_CONCURRENCY

export const concurrencyOf = (given: number | 'auto' | undefined): number | undefined => {
  if (given === undefined || given === 'auto') return undefined
  if (isConcurrency(given)) return given
  throw new RangeError(
    `concurrency: expected a whole number from 1 to ${MOST_CONCURRENCY}, or 'auto', got ${String(given)}`,
  )
}
