// The page: lines, queues, agents and calls as they happen. It begins with the token; without one it only says where to
// find it.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { takeToken } from "./api/token";
import "./style.css";

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App firstToken={takeToken()} />
    </StrictMode>,
  );
}
