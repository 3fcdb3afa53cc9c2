// Language, shade and token around everything; with a token the system is started and the pages are shown.
import { App as Antd, ConfigProvider } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import dayjs from "dayjs";
import { useCallback, useEffect, useMemo, useState } from "react";
import "dayjs/locale/zh-cn";
import { Client } from "./api/client";
import { forgetToken, keepToken, takeToken } from "./api/token";
import { Shell } from "./page/Shell";
import { TokenScreen } from "./page/TokenScreen";
import { type System, SystemContext } from "./parts/system";
import { antdTheme, firstShade, keepShade } from "./parts/theme";
import { ServerClock } from "./state/clock";
import { Connection } from "./state/connection";
import { Store } from "./state/store";
import { Ticker } from "./state/ticker";
import { firstLanguage, keepLanguage, SpeechContext, sayIn } from "./words";

function start(token: string): System {
  const client = new Client(token);
  const store = new Store();
  const clock = new ServerClock();
  return {
    client,
    store,
    clock,
    connection: new Connection(client, store, clock),
    ticker: new Ticker(clock),
  };
}

export function App({ firstToken }: { firstToken: string | null }) {
  const [language, setLanguage] = useState(firstLanguage);
  const [shade, setShade] = useState(firstShade);
  const [token, setToken] = useState(firstToken);
  const [denied, setDenied] = useState(false);
  const speech = useMemo(() => ({ language, say: sayIn(language) }), [language]);
  const system = useMemo(() => (token === null ? null : start(token)), [token]);

  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    dayjs.locale(language === "zh" ? "zh-cn" : "en");
  }, [language]);
  useEffect(() => {
    document.documentElement.dataset.shade = shade;
  }, [shade]);
  useEffect(() => {
    // A new token pasted into the address of a page that is open already.
    const onHash = () => {
      if (!location.hash.startsWith("#token=")) return;
      setToken(takeToken());
      setDenied(false);
    };
    window.addEventListener("hashchange", onHash);
    return () => window.removeEventListener("hashchange", onHash);
  }, []);
  useEffect(() => {
    if (!system) return;
    const deny = () => {
      if (system.connection.link().phase !== "denied") return;
      forgetToken();
      setDenied(true);
      setToken(null);
    };
    const end = system.connection.subscribe(deny);
    system.connection.start();
    return () => {
      end();
      system.connection.stop();
    };
  }, [system]);

  const enter = useCallback((given: string) => {
    if (!keepToken(given)) return false;
    setDenied(false);
    setToken(given.trim());
    return true;
  }, []);
  const switchLanguage = useCallback(() => {
    setLanguage(before => {
      const next = before === "zh" ? "en" : "zh";
      keepLanguage(next);
      return next;
    });
  }, []);
  const switchShade = useCallback(() => {
    setShade(before => {
      const next = before === "light" ? "dark" : "light";
      keepShade(next);
      return next;
    });
  }, []);

  const theme = useMemo(() => antdTheme(shade), [shade]);
  const switches = { shade, switchLanguage, switchShade };
  return (
    <SpeechContext value={speech}>
      <ConfigProvider locale={language === "zh" ? zhCN : enUS} theme={theme} componentSize="small">
        <Antd className="antd">
          {system === null ? (
            <TokenScreen denied={denied} enter={enter} switchLanguage={switchLanguage} />
          ) : (
            <SystemContext value={system}>
              <Shell {...switches} />
            </SystemContext>
          )}
        </Antd>
      </ConfigProvider>
    </SpeechContext>
  );
}
