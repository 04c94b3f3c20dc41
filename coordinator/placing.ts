// Whose workers a job gets when there are two to choose from. Pure. In: what each place offers, as it was just measured, and what
// remains of the job. Out: the place that ends it first. Always true: a place without workers is never chosen over one that
// has some; where nothing is gained by the cluster, this machine is taken, as nothing has to travel.

export interface PlaceOffer {
  readonly place: 'local' | 'cluster'
  /** Beside the caller's own core. */
  readonly workers: number
  /** Until they take their first items. */
  readonly startSeconds: number
}

export interface Placing {
  readonly place: PlaceOffer['place']
  /** What the rest would take there, with the caller. */
  readonly seconds: Readonly<Record<PlaceOffer['place'], number>>
}

/** `remainingSeconds`: in the caller's loop alone. */
export const choosePlace = (local: PlaceOffer, cluster: PlaceOffer, remainingSeconds: number): Placing => {
  const seconds = { local: secondsWith(local, remainingSeconds), cluster: secondsWith(cluster, remainingSeconds) }
  const place = seconds.cluster < seconds.local ? 'cluster' : 'local'
  return { place, seconds }
}

/** The caller is alone until the others have come. */
const secondsWith = ({ workers, startSeconds }: PlaceOffer, remainingSeconds: number): number => {
  const aloneSeconds = Math.min(startSeconds, remainingSeconds)
  return aloneSeconds + (remainingSeconds - aloneSeconds) / (1 + workers)
}
