//! Builds OSLEC from the sources that `scripts/bench-echo` has unpacked (`OSLEC_DIR`), as fast as the compiler can.

fn main() {
    println!("cargo:rerun-if-env-changed=OSLEC_DIR");
    println!("cargo:rerun-if-changed=kernel");
    println!("cargo:rustc-check-cfg=cfg(rivals)");
    let Ok(oslec) = std::env::var("OSLEC_DIR") else { return };
    cc::Build::new()
        .file(format!("{oslec}/echo.c"))
        .include(&oslec)
        .include("kernel")
        .opt_level(3)
        .flag("-march=native")
        .flag("-fno-strict-aliasing")
        .warnings(false)
        .compile("oslec");
    println!("cargo:rustc-link-lib=speexdsp");
    println!("cargo:rustc-cfg=rivals");
}
