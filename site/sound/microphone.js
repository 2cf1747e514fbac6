// The microphone as blocks of samples, as it is: without the browser's changes for telephone calls.

const AS_IT_IS = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** Returns {rateHz, close}; close resolves when the last block has come. received: is told of each (time,) block, and its rate. */
export async function openMicrophone(received) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: AS_IT_IS });
  const context = new AudioContext();
  await context.audioWorklet.addModule(new URL("microphone-worklet.js", import.meta.url));
  const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0 });
  const finished = new Promise((resolve) => {
    node.port.onmessage = ({ data }) => (data ? received(data, context.sampleRate) : resolve());
  });
  context.createMediaStreamSource(stream).connect(node);
  await context.resume();
  return {
    rateHz: context.sampleRate,
    async close() {
      stream.getTracks().forEach((track) => track.stop());
      node.port.postMessage("finish");
      await finished;
      await context.close();
    },
  };
}
