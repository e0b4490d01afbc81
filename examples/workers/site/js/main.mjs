import { isOpen } from "./hours.mjs";

const sign = document.createElement("p");
sign.textContent = isOpen(new Date()) ? "We are open." : "We are asleep; come at six.";
document.querySelector("main").append(sign);
