// A daemon's tenure: the right to have jobs, for as long as its key in the bucket of daemons is renewed. In: the bucket, a clock.
// Out: the name of the tenure; a word when it is over. Always true: it ends itself before its key goes, by its own monotonic clock,
// so that no two daemons believe at once that they have a job; a new tenure has a new name.
import { randomBytes } from 'node:crypto'
import type { Log } from '../../proto/log.js'
import type { Bucket } from '../../proto/store.js'
import type { Clock } from '../../proto/timing.js'

export interface LeaseOptions {
  readonly bucket: Bucket
  /** Of the daemon; each tenure adds some characters. */
  readonly name: string
  readonly clock: Clock
  readonly log: Log
  /** The tenure is over: what it had is others'. */
  readonly onLost: () => void
}

/** Renewed after this part of its key's time. */
const RENEW = 0.25
/** Held for this part. Smaller: fewer missed renewals end it. Larger: others wait longer for what a dead daemon had. */
export const HELD = 0.8

export class Lease {
  readonly #options: LeaseOptions
  #tenure: string | undefined
  #revision = 0
  #heldUntilSeconds = 0
  #timer: NodeJS.Timeout | undefined
  #endTimer: NodeJS.Timeout | undefined
  #renewing: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: LeaseOptions) {
    this.#options = options
  }

  /** Undefined while there is none. */
  get tenure(): string | undefined {
    return this.#tenure !== undefined && this.#options.clock() < this.#heldUntilSeconds ? this.#tenure : undefined
  }

  /** Resolves with the first tenure. */
  async open(): Promise<void> {
    await this.#begin()
    const everyMs = this.#options.bucket.ageSeconds * RENEW * 1000
    this.#timer = setInterval(() => void this.#tick(), everyMs)
  }

  /** Others may have what it had at once. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#timer)
    await this.#renewing
    clearTimeout(this.#endTimer)
    const tenure = this.#tenure
    this.#tenure = undefined
    if (tenure !== undefined) await this.#options.bucket.delete(tenure).catch(() => {})
  }

  async #begin(): Promise<void> {
    const { bucket, name, clock } = this.#options
    const tenure = `${name}-${randomBytes(3).toString('hex')}`
    const askedAtSeconds = clock()
    this.#revision = await bucket.put(tenure, new Uint8Array([1]), 0, bucket.ageSeconds * RENEW)
    this.#tenure = tenure
    this.#holdFrom(askedAtSeconds)
  }

  #holdFrom(askedAtSeconds: number): void {
    this.#heldUntilSeconds = askedAtSeconds + HELD * this.#options.bucket.ageSeconds
    this.#awaitEnd()
  }

  /** Its end is seen when it comes, whatever a renewal is waiting for. A timer may come early, by what its loop was behind. */
  #awaitEnd(): void {
    clearTimeout(this.#endTimer)
    const leftSeconds = this.#heldUntilSeconds - this.#options.clock()
    if (leftSeconds <= 0) this.#look()
    else this.#endTimer = setTimeout(() => this.#awaitEnd(), leftSeconds * 1000 + 1)
  }

  /** One after the other: a renewal of an older revision would be refused. */
  #tick(): Promise<void> {
    this.#renewing = this.#renewing.then(() => this.#renew())
    return this.#renewing
  }

  async #renew(): Promise<void> {
    if (this.#closed) return
    const { bucket, clock, log } = this.#options
    this.#look()
    const askedAtSeconds = clock()
    try {
      if (this.#tenure === undefined) await this.#begin()
      else {
        this.#revision = await bucket.put(this.#tenure, new Uint8Array([1]), this.#revision, bucket.ageSeconds * RENEW)
        // What came too late renews nothing: others may count it as over already.
        this.#look()
        if (this.#tenure !== undefined) this.#holdFrom(askedAtSeconds)
      }
    } catch (error) {
      log('debug', `The tenure was not renewed: ${(error as Error).message}`)
    }
    this.#look()
  }

  #look(): void {
    if (this.#tenure === undefined || this.#options.clock() < this.#heldUntilSeconds) return
    this.#tenure = undefined
    this.#options.onLost()
  }
}
