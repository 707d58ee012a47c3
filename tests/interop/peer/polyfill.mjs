// js-libp2p 3 calls Promise.withResolvers, which Node has from version 22 on. Must be imported before libp2p.

Promise.withResolvers ??= function () {
  const parts = {}
  parts.promise = new this((resolve, reject) => Object.assign(parts, { resolve, reject }))
  return parts
}
