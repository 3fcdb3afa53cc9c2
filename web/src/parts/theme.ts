// Light and dark: what was chosen last on this computer, else what the system prefers. The colours themselves are
// variables in style.css; those that antd and the charts need as values are read from there.
import { type ThemeConfig, theme as themes } from "antd";

export type Shade = "light" | "dark";

const KEY = "tandem.shade";

export function firstShade(): Shade {
  const chosen = localStorage.getItem(KEY);
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

export function keepShade(shade: Shade): void {
  localStorage.setItem(KEY, shade);
}

/** The value of a colour of style.css, such as "--accent". */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const FONT =
  '"Inter", "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", system-ui, sans-serif';

const COLOURS = {
  light: {
    accent: "#0f766e",
    panel: "#ffffff",
    raised: "#ffffff",
    page: "#f2f4f6",
    line: "#e2e7eb",
    text: "#1c2833",
  },
  dark: {
    accent: "#2bb3a3",
    panel: "#161e25",
    raised: "#1c262e",
    page: "#0f151a",
    line: "#283340",
    text: "#dde5ec",
  },
};

export function antdTheme(shade: Shade): ThemeConfig {
  const colours = COLOURS[shade];
  return {
    algorithm: shade === "dark" ? themes.darkAlgorithm : themes.defaultAlgorithm,
    token: {
      colorPrimary: colours.accent,
      colorInfo: colours.accent,
      colorLink: colours.accent,
      colorBgBase: colours.panel,
      colorBgContainer: colours.panel,
      colorBgElevated: colours.raised,
      colorBgLayout: colours.page,
      // The figures under an open drawer stay readable.
      colorBgMask: "rgba(10, 20, 28, 0.16)",
      colorBorderSecondary: colours.line,
      colorTextBase: colours.text,
      borderRadius: 6,
      fontFamily: FONT,
      fontSize: 13,
      motionDurationMid: "0.12s",
      motionDurationSlow: "0.18s",
    },
    components: {
      Table: { headerBg: colours.panel, headerSplitColor: "transparent", cellPaddingBlockSM: 4 },
      Drawer: { paddingLG: 16 },
      Timeline: { itemPaddingBottom: 9 },
      Segmented: { itemSelectedBg: colours.raised, trackBg: colours.page },
    },
  };
}
