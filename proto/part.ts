// Messages longer than a transport carries travel in parts, named by the SHA-256 of the whole.
// In: one message, or parts in any order, repeated or missing. Out: its parts, or the message once all of them are there.
// Always true: a message comes out whole and with the hash its parts named, or not at all; what is kept is bounded.
import { createHash } from 'node:crypto'

export interface Part {
  /** Of the whole message, in hex. */
  readonly sha256: string
  readonly index: number
  readonly count: number
  readonly data: Uint8Array
}

export const cutIntoParts = (message: Uint8Array, limitBytes: number): Part[] => {
  const sha256 = createHash('sha256').update(message).digest('hex')
  const count = Math.ceil(message.byteLength / limitBytes)
  return Array.from({ length: count }, (_, index) => ({
    sha256,
    index,
    count,
    data: message.subarray(index * limitBytes, (index + 1) * limitBytes),
  }))
}

/** 65,536 parts of half a MiB are 32 GiB: more than any process here would hold. */
const MAX_PARTS = 65_536
/** What a part takes that is not there yet: a promise of many is not free either. */
const SLOT_BYTES = 8

interface Whole {
  readonly parts: (Uint8Array | undefined)[]
  missing: number
  bytes: number
}

export class PartAssembler {
  /** In the order of their first part, so that what never completes is let go first. */
  readonly #wholes = new Map<string, Whole>()
  readonly #limitBytes: number
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** The message, when this part completes it. */
  add(part: Part): Uint8Array | undefined {
    if (part.count > MAX_PARTS || part.index >= part.count) return undefined
    const whole = this.#wholes.get(part.sha256) ?? this.#begin(part)
    if (whole.parts.length !== part.count) return undefined
    if (whole.parts[part.index] !== undefined) return undefined
    whole.parts[part.index] = part.data
    whole.missing--
    whole.bytes += part.data.byteLength
    this.#bytes += part.data.byteLength
    if (whole.missing > 0) {
      this.#shrink(part.sha256)
      return undefined
    }
    this.#forget(part.sha256, whole)
    const message = Buffer.concat(whole.parts as Uint8Array[])
    return createHash('sha256').update(message).digest('hex') === part.sha256 ? message : undefined
  }

  #begin({ sha256, count }: Part): Whole {
    const bytes = count * SLOT_BYTES
    const whole: Whole = { parts: new Array(count).fill(undefined), missing: count, bytes }
    this.#wholes.set(sha256, whole)
    this.#bytes += bytes
    return whole
  }

  #shrink(newest: string): void {
    for (const [sha256, whole] of this.#wholes) {
      if (this.#bytes <= this.#limitBytes || sha256 === newest) return
      this.#forget(sha256, whole)
    }
  }

  #forget(sha256: string, whole: Whole): void {
    this.#wholes.delete(sha256)
    this.#bytes -= whole.bytes
  }
}
