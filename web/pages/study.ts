document.querySelector('.needs-script')?.remove();
