// Handlers of the caller's, called from the middle of a transport's reading.
// In: a handler. Out: the same one, whose throw surfaces as an uncaught exception and never stops the reading.

export const guarded =
  <T extends unknown[]>(handler: (...values: T) => void): ((...values: T) => void) =>
  (...values) => {
    try {
      handler(...values)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }

/** What both twins say of a message that is too large. */
export const tooLarge = (bytes: number, limitBytes: number): Error =>
  new Error(`a message of ${bytes} bytes is over the transport's limit of ${limitBytes} bytes: send it in parts`)
