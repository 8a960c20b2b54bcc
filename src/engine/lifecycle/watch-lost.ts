/** Makes the error for the app where the file system does not report commits of other processes (Q17). */
import type { WatchLoss } from '../../../storage/storage.ts'
import { HoldfastError } from '../../errors.ts'

const WHY: Readonly<Record<WatchLoss, string>> = {
  failed: 'the side file -commits cannot be watched',
  unproved: 'a touch of the side file -commits was not told',
  gone: 'the side file -commits was removed and cannot be made again',
}

export function watchLost(why: WatchLoss): HoldfastError {
  return new HoldfastError(
    'WATCH_LOST',
    `${WHY[why]}: what other processes store is noticed up to 30 s late. Nothing is lost; keep the database on a disk of this machine, and let nothing but Holdfast change the files beside it`,
  )
}
