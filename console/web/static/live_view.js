// A camera's live picture by WHEP: what this browser can play goes to the console, which asks the media server.

const FROZEN_MS = 5000; // a picture that stands still must not be taken for a quiet place
const GATHER_MS = 2000; // addresses of this computer; on a school's network they are there at once

/** Begins to play; fails with a word of what is wrong.
 * @param {HTMLVideoElement} video
 * @param {string} address of the camera at the console
 * @param {(state: "on" | "broken") => void} tell
 * @returns {Promise<() => void>} what ends it */
export async function watchLive(video, address, tell) {
  const peer = new RTCPeerConnection();
  let framedAt = Infinity;
  const framed = () => {
    framedAt = performance.now();
    video.requestVideoFrameCallback(framed);
  };
  const watchman = setInterval(() => performance.now() - framedAt > FROZEN_MS && tell("broken"), FROZEN_MS / 5);
  const end = () => {
    clearInterval(watchman);
    peer.close();
    video.srcObject = null;
  };
  peer.addTransceiver("video", { direction: "recvonly" });
  peer.addEventListener("track", (event) => {
    video.srcObject = event.streams[0] ?? new MediaStream([event.track]);
    video.play().catch(() => {}); // it is muted: no browser forbids that
    video.requestVideoFrameCallback(framed);
  });
  peer.addEventListener("connectionstatechange", () => {
    if (peer.connectionState === "connected") tell("on");
    if (peer.connectionState === "failed" || peer.connectionState === "disconnected") tell("broken");
  });
  try {
    await peer.setLocalDescription(await peer.createOffer());
    await gathered(peer);
    const body = new URLSearchParams({ offer: peer.localDescription?.sdp ?? "" });
    const answer = await fetch(`${address}/live`, { method: "POST", headers: { Accept: "application/json" }, body });
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? "live_failed");
    await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  } catch (error) {
    end();
    throw error;
  }
  return end;
}

/** Waits until this computer's addresses are known, but not for ever.
 * @param {RTCPeerConnection} peer */
function gathered(peer) {
  return new Promise((done) => {
    const look = () => peer.iceGatheringState === "complete" && done(undefined);
    peer.addEventListener("icegatheringstatechange", look);
    setTimeout(done, GATHER_MS);
    look();
  });
}
